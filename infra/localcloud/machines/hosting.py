"""The endpoints of a cloud: which model servers stand behind moto's records."""

import random
import threading
import time
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from infra.localcloud.cloud import Payload
from infra.localcloud.machines.container import remove_folders
from infra.localcloud.machines.instances import capacity_of, serverless_capacity
from infra.localcloud.machines.metering import Owner, tags_of
from infra.localcloud.machines.model_server import Artefacts, ServerPlan, StartError
from infra.localcloud.machines.site import Site
from infra.localcloud.machines.storage import S3Uri
from infra.localcloud.machines.variant import Provisioned, Serverless, Variant

Key = tuple[str, str, str]


@dataclass
class Endpoint:
    """moto's record of an endpoint, and the variants that stand behind it now."""

    key: Key
    moto: Any
    record: Any
    variants: dict[str, Variant]
    billed_until: float

    def choose(self, target: str | None = None) -> Variant | None:
        """The variant for a call: the one asked for, else by weight. None when there is no such."""
        if target is not None:
            return self.variants.get(target)
        if len(self.variants) == 1:
            return next(iter(self.variants.values()))
        weights = {variant["VariantName"]: variant["CurrentWeight"] for variant in self.record.production_variants}
        names = list(self.variants)
        shares = [weights.get(name, 0) for name in names]
        return self.variants[random.choices(names, shares if any(shares) else None)[0]]  # noqa: S311

    def owner(self) -> Owner:
        """Who pays."""
        account, region, _ = self.key
        return Owner(self.record.arn, account, region, tags_of(self.record.tags))


@dataclass(frozen=True)
class Call:
    """One invocation that got an answer, for the metrics and the bill."""

    endpoint: Endpoint
    variant: Variant
    status: int
    model_seconds: float
    overhead_seconds: float


class Hosting:
    """Every endpoint's variants, by account, region and name."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._endpoints: dict[Key, Endpoint] = {}
        self._calls: deque[Call] = deque()
        remove_folders(site.cloud.folder / "endpoints")  # What a killed cloud left.
        self._artefacts = Artefacts(site)
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
            variant["VariantName"]: self._plan_variant(key, variant, moto._models.get(variant["ModelName"]))
            for variant in config.production_variants
        }

    def _plan_variant(self, key: Key, variant: Payload, model: Any) -> Variant:
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
            hosting = Provisioned(variant["InstanceType"], int(variant.get("InitialInstanceCount") or 1))
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
        return Variant(plan, hosting, self._site, self._artefacts)

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
            record.production_variants = variant_records(record, config, retained)
            record.data_capture_config = config.data_capture_config
            record.endpoint_config_name = config_name
            record.endpoint_status, record.failure_reason = "InService", None
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
            for name, unit, value in (
                ("Invocations", "None", 1.0),
                ("Invocation4XXErrors", "None", float(400 <= call.status < 500)),
                ("Invocation5XXErrors", "None", float(call.status >= 500)),
                ("ModelLatency", "Microseconds", call.model_seconds * 1e6),
                ("OverheadLatency", "Microseconds", call.overhead_seconds * 1e6),
            ):
                self._site.metrics.add(plan.region, "AWS/SageMaker", plan.dimensions, name, unit, value)
            if isinstance(hosting, Serverless):
                self._site.meter.serverless(call.endpoint.owner(), hosting.memory_mb, call.model_seconds)

    def _settle(self) -> None:
        """Charge for instances up to now, called or not."""
        with self._billing:
            self._count_calls()
            moment = time.time()
            for endpoint in self._all():
                seconds, endpoint.billed_until = moment - endpoint.billed_until, moment
                for variant in endpoint.variants.values():
                    if isinstance(variant.hosting, Provisioned):
                        hosting = variant.hosting
                        total = seconds * hosting.instance_count
                        self._site.meter.instance(endpoint.owner(), "Host", hosting.instance_type, total)

    def _all(self) -> list[Endpoint]:
        return list(self._endpoints.values())

    def _variants(self) -> list[Variant]:
        return [variant for endpoint in self._all() for variant in endpoint.variants.values()]


def moto_records(key: Key) -> Any:
    """moto's SageMaker of the key's account and region."""
    from moto.sagemaker.models import sagemaker_backends

    account, region, _ = key
    return sagemaker_backends[account][region]


def variant_records(record: Any, config: Any, retained: Collection[str]) -> list[Payload]:
    """The variants as DescribeEndpoint shows them under a configuration; moto leaves out the default weight."""
    before = {variant["VariantName"]: variant for variant in record.production_variants}
    shown: list[Payload] = record._process_production_variants(config.production_variants)
    for given, variant in zip(config.production_variants, shown, strict=True):
        weight = given.get("InitialVariantWeight", 1.0)
        kept = before.get(variant["VariantName"], {})
        variant |= {"CurrentWeight": weight, "DesiredWeight": weight}
        variant |= {name: kept[name] for name in retained if name in kept}
    return shown


def container_of(model: Any, packages: dict[str, Payload]) -> Payload:
    """The first container of a model: archive and environment, looked up where it names a version in the registry."""
    container: Payload = model.primary_container or (model.containers or [{}])[0]
    if package_name := container.get("ModelPackageName"):
        package = packages.get(package_name)
        if package is None:
            raise StartError(f"Could not find model package '{package_name}'.")
        packaged = package["InferenceSpecification"]["Containers"][0]
        environment = (packaged.get("Environment") or {}) | (container.get("Environment") or {})
        return {**packaged, **container, "Environment": environment}
    return container
