"""The endpoints of a cloud: which model servers stand behind moto's records."""

import threading
import time
from collections import Counter, deque
from collections.abc import Collection, Mapping
from typing import Any

from infra.localcloud.cloud import Payload
from infra.localcloud.machines.container import remove_folders
from infra.localcloud.machines.data_capture import Capture, CaptureWriter
from infra.localcloud.machines.endpoint_records import (
    Call,
    Endpoint,
    Key,
    container_of,
    moto_records,
    shadows_of,
    variant_records,
)
from infra.localcloud.machines.instances import capacity_of, serverless_capacity
from infra.localcloud.machines.model_server import Artefacts, ServerPlan, StartError
from infra.localcloud.machines.site import Site
from infra.localcloud.machines.storage import S3Uri
from infra.localcloud.machines.variant import Provisioned, Serverless, Variant


class Hosting:
    """Every endpoint's variants, by account, region and name."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._endpoints: dict[Key, Endpoint] = {}
        self._calls: deque[Call] = deque()
        remove_folders(site.cloud.folder / "endpoints")  # What a killed cloud left.
        self._artefacts = Artefacts(site)
        self._captured = CaptureWriter(site)
        # Calls of each endpoint and variant since they were last asked for.
        self._tally: Counter[tuple[Key, str]] = Counter()
        self._billing = threading.Lock()
        self.invocation_seconds = site.settings.invocation_seconds
        site.ticker.add(self._rest)
        site.ticker.add(self._count)
        site.meter.before_reading(self._settle)

    def find(self, key: Key) -> Endpoint | None:
        """The endpoint if moto still has it and it takes calls."""
        endpoint = self._endpoints.get(key)
        if endpoint is None or endpoint.moto.endpoints.get(key[2]) is not endpoint.record:
            return None
        return endpoint if endpoint.variants else None

    def note(self, call: Call) -> None:
        """Count a call; the ticker does the sums."""
        self._calls.append(call)

    def open(self, key: Key, config_name: str, retained: Collection[str] = ()) -> None:
        """Stand an endpoint up as its configuration says, also when it stands already under another one.

        Serverless variants wait for their first call, so the endpoint is in service at once. Instances are started and
        proven first; until then an update leaves the old variants in place. `retained` names the members of moto's
        variant records that an update keeps, such as CurrentInstanceCount.
        """
        record = moto_records(key).endpoints[key[2]]
        endpoint = self._endpoints.get(key)
        if endpoint is None or endpoint.record is not record:
            endpoint = self._endpoints[key] = Endpoint(key, moto_records(key), record, {}, time.time())
        try:
            variants = self._plan(key, config_name)
            provisioned = [variant for variant in variants.values() if isinstance(variant.hosting, Provisioned)]
            if not provisioned:
                return self._swap(endpoint, variants, config_name, retained)
        except StartError as error:
            return self._give_up(endpoint, str(error))
        record.endpoint_status = "Updating" if endpoint.variants else "Creating"
        arguments = (endpoint, variants, config_name, retained)
        threading.Thread(target=self._prove, args=arguments, name=f"endpoint {key[2]}", daemon=True).start()
        return None

    def scale(self, key: Key, counts: Mapping[str, int]) -> None:
        """Let variants have so many instances; what there was up to now is charged as it was."""
        self._settle()
        endpoint = self._endpoints[key]
        for name, count in counts.items():
            endpoint.set_count(name, count)
            if variant := endpoint.variants.get(name):
                if count:
                    variant.start()
                else:
                    variant.sleep()

    def take_tally(self, key: Key, variant: str) -> int:
        """How many calls a variant had since the last time that this was asked."""
        with self._billing:
            self._count_calls()
            return self._tally.pop((key, variant), 0)

    def close(self, key: Key) -> None:
        """The endpoint was deleted: its servers end once their last call has its answer."""
        self._settle()
        endpoint = self._endpoints.pop(key, None)
        for variant in endpoint.variants.values() if endpoint else ():
            variant.retire()

    def warm(self) -> int:
        """How many endpoints have a server that runs."""
        return sum(any(variant.warm for variant in endpoint.variants.values()) for endpoint in self._all())

    def _plan(self, key: Key, config_name: str) -> dict[str, Variant]:
        moto = moto_records(key)
        config = moto.endpoint_configs[config_name]
        return {
            variant["VariantName"]: self._plan_variant(
                key, variant, moto._models.get(variant["ModelName"]), is_shadow=is_shadow
            )
            for is_shadow, variants in ((False, config.production_variants), (True, shadows_of(config)))
            for variant in variants
        }

    def _plan_variant(self, key: Key, variant: Payload, model: Any, *, is_shadow: bool) -> Variant:
        account, region, name = key
        if model is None:
            raise StartError(f"Could not find model '{variant['ModelName']}'.")
        packages = self._site.cloud.resources("sagemaker", "ModelPackage", account=account, region=region)
        container = container_of(model, packages)
        hosting: Serverless | Provisioned
        if serverless := variant.get("ServerlessConfig"):
            hosting = Serverless(int(serverless["MemorySizeInMB"]), int(serverless["MaxConcurrency"]))
            capacity = serverless_capacity(hosting.memory_mb)
        else:
            hosting = Provisioned(variant["InstanceType"])
            capacity = capacity_of(hosting.instance_type)
        url = container.get("ModelDataUrl")
        plan = ServerPlan(
            endpoint=name,
            variant=variant["VariantName"],
            region=region,
            account=account,
            model_data=S3Uri.parse(url) if url else None,
            environment=container.get("Environment") or {},
            capacity=capacity,
        )
        if plan.model_data:
            self._artefacts.etag(region, plan.model_data)
        return Variant(plan, hosting, self._site, self._artefacts, is_shadow=is_shadow)

    def _prove(self, endpoint: Endpoint, variants: dict[str, Variant], *settings: Any) -> None:
        try:
            for variant in variants.values():
                if isinstance(variant.hosting, Provisioned):
                    variant.start().result()
        except Exception as error:
            for variant in variants.values():
                variant.retire()
            return self._give_up(endpoint, str(error))
        return self._swap(endpoint, variants, *settings)

    def _swap(
        self, endpoint: Endpoint, variants: dict[str, Variant], config_name: str, retained: Collection[str]
    ) -> None:
        if self._endpoints.get(endpoint.key) is not endpoint:  # Deleted while its servers came up.
            old = variants
        else:
            self._settle()
            old, endpoint.variants, endpoint.billed_until = endpoint.variants, variants, time.time()
            record, config = endpoint.record, endpoint.moto.endpoint_configs[config_name]
            record.shadow_production_variants = variant_records(record, shadows_of(config), ())
            record.production_variants = variant_records(record, config.production_variants, retained)
            record.data_capture_config = config.data_capture_config
            record.async_inference_config = endpoint.asynchronous = config.async_inference_config
            endpoint.capture = Capture.of(config.data_capture_config)
            record.endpoint_config_name = config_name
            record.endpoint_status, record.failure_reason = "InService", None
            for name, variant in variants.items():
                if isinstance(variant.hosting, Provisioned) and not endpoint.count(name):
                    variant.sleep()
        for variant in old.values():
            variant.retire()

    def _give_up(self, endpoint: Endpoint, reason: str) -> None:
        """An endpoint that never stood fails; one that stands goes on as it was."""
        endpoint.record.failure_reason = reason[:1024]
        endpoint.record.endpoint_status = "InService" if endpoint.variants else "Failed"

    def _rest(self) -> None:
        for variant in self._variants():
            variant.rest()

    def _count(self) -> None:
        with self._billing:
            self._count_calls()

    def _count_calls(self) -> None:
        for _ in range(len(self._calls)):
            call = self._calls.popleft()
            plan, hosting = call.variant.plan, call.variant.hosting
            self._tally[call.endpoint.key, plan.variant] += 1
            if call.exchange and call.endpoint.capture:
                folder = f"{plan.endpoint}/{plan.variant}"
                self._captured.add(plan.region, folder, call.endpoint.capture, call.exchange)
            for name, unit, value in (
                ("Invocations", "None", 1.0),
                ("Invocation4XXErrors", "None", float(400 <= call.status < 500)),
                ("Invocation5XXErrors", "None", float(call.status >= 500)),
                ("ModelLatency", "Microseconds", call.model_seconds * 1e6),
                ("OverheadLatency", "Microseconds", call.overhead_seconds * 1e6),
            ):
                self._site.metrics.add(plan.region, "AWS/SageMaker", plan.dimensions, name, unit, value)
            if isinstance(hosting, Provisioned):
                share = 1 / max(1, call.endpoint.count(plan.variant))
                self._site.metrics.add(
                    plan.region, "AWS/SageMaker", plan.dimensions, "InvocationsPerInstance", "None", share
                )
            if isinstance(hosting, Serverless):
                self._site.meter.serverless(call.endpoint.owner(), hosting.memory_mb, call.model_seconds)

    def _settle(self) -> None:
        """Charge for instances up to now, called or not."""
        with self._billing:
            self._count_calls()
            moment = time.time()
            for endpoint in self._all():
                seconds, endpoint.billed_until = moment - endpoint.billed_until, moment
                for name, variant in endpoint.variants.items():
                    if isinstance(variant.hosting, Provisioned):
                        total = seconds * endpoint.count(name)
                        self._site.meter.instance(endpoint.owner(), "Host", variant.hosting.instance_type, total)

    def _all(self) -> list[Endpoint]:
        return list(self._endpoints.values())

    def _variants(self) -> list[Variant]:
        return [variant for endpoint in self._all() for variant in endpoint.variants.values()]
