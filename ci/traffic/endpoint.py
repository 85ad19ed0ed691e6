"""An endpoint as a release's controller sees it and acts on it: SageMaker's, CloudWatch's and S3's own requests."""

import time
from typing import TYPE_CHECKING, Any

from ci.serving_requests import update_request
from ci.site import Site
from ci.traffic import answers, figures
from ci.traffic.answers import KeptAnswers
from ci.traffic.controller import NEXT, OLD, Act, Configure, Divide, Hold, Resize, Seen
from ci.traffic.evidence import Evidence
from ci.traffic.state import Rollout
from infra.spec.contract import InstanceCapacity, ServingContract

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker.type_defs import DescribeEndpointOutputTypeDef

SETTLED = {"InService", "Failed"}
# How SageMaker refuses a change while another is under way.
BUSY = "Cannot update in-progress endpoint"
DIMENSION = "sagemaker:variant:DesiredInstanceCount"
# Where a release has no old one beside it, it is compared with what that did before, for so long at least.
LEAST_BEFORE_SECONDS = 300.0


class Endpoint:
    """One endpoint; looking changes nothing, and whatever is done may be done again."""

    def __init__(self, site: Site, region: str, contract: ServingContract) -> None:
        self._contract, self._name = contract, contract.endpoint_name
        self._sagemaker: SageMakerClient = site.client("sagemaker", region)
        self._cloudwatch = site.client("cloudwatch", region)
        self._scales = isinstance(contract.capacity, InstanceCapacity)
        self._scaling: Any = site.client("application-autoscaling", region) if self._scales else None
        kept = contract.capture
        self._kept = KeptAnswers(site.client("s3", region), kept.destination, self._name) if kept else None

    def look(self, state: Rollout) -> Seen:
        """Return how the endpoint is, and what its calls say of the step that the release is in."""
        known = self._sagemaker.describe_endpoint(EndpointName=self._name)
        variants: Any = {variant["VariantName"]: variant for variant in known.get("ProductionVariants", ())}
        weights = {name: variant.get("CurrentWeight", 0.0) for name, variant in variants.items()}
        new, old = self._evidence(state)
        return Seen(
            settled=known["EndpointStatus"] in SETTLED,
            configuration=known["EndpointConfigName"],
            percent=100 * weights.get(NEXT, 0.0) / (sum(weights.values()) or 1.0),
            counts=_counts(known),
            held=self._held(),
            failure=known.get("FailureReason", ""),
            new=new,
            old=old,
            alarms=figures.raised_alarms(self._cloudwatch, self._name) if state.is_watched else (),
        )

    def do(self, act: Act) -> None:
        """Ask for it; what SageMaker refuses because it is busy is asked for again after the next look."""
        from botocore.exceptions import ClientError

        try:
            self._do(act)
        except ClientError as error:
            if BUSY not in str(error):
                raise

    def _do(self, act: Act) -> None:
        match act:
            case Configure(configuration=wanted):
                retained: Any = update_request(self._contract)
                self._sagemaker.update_endpoint(EndpointName=self._name, EndpointConfigName=wanted, **retained)
            case Divide(percent=percent):
                shares: Any = [
                    {"VariantName": OLD, "DesiredWeight": float(100 - percent)},
                    {"VariantName": NEXT, "DesiredWeight": float(percent)},
                ]
                self._change(shares)
            case Resize(count=count):
                self._change([{"VariantName": NEXT, "DesiredInstanceCount": count}])
            case Hold(held=held):
                self._scaling.register_scalable_target(
                    **self._target, SuspendedState={"DynamicScalingInSuspended": held}
                )

    def _change(self, wanted: Any) -> None:
        self._sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=self._name, DesiredWeightsAndCapacities=wanted
        )

    @property
    def _target(self) -> dict[str, str]:
        resource = f"endpoint/{self._name}/variant/{OLD}"
        return {"ServiceNamespace": "sagemaker", "ResourceId": resource, "ScalableDimension": DIMENSION}

    def _held(self) -> bool | None:
        """Whether autoscaling may not take instances away; None where there is none."""
        if not self._scales:
            return None
        found = self._scaling.describe_scalable_targets(
            ServiceNamespace="sagemaker", ResourceIds=[self._target["ResourceId"]], ScalableDimension=DIMENSION
        )["ScalableTargets"]
        return bool((found[0].get("SuspendedState") or {}).get("DynamicScalingInSuspended")) if found else None

    def _evidence(self, state: Rollout) -> tuple[Evidence, Evidence | None]:
        """Return what the calls say of the new release since its step began to bake, and of the old one meanwhile.

        An old one that has no calls any more is taken as it was before.
        """
        now, since, stage = time.time(), state.baking_since, state.stage
        if since is None or stage is None or not stage.bake_seconds:
            return Evidence(), None
        is_alone = stage.arrangement == "alone"
        new = self._calls(state, OLD if is_alone else NEXT, since, now)
        begin = since
        if stage.percent == 100:
            begin = state.begun - max(LEAST_BEFORE_SECONDS, stage.bake_seconds)
        end = state.begun if is_alone else now
        old = self._calls(state, OLD, begin, end)
        if stage.arrangement == "mirrored" and self._kept:
            count, otherwise = answers.pairs(self._kept.between(NEXT, since, now), self._kept.between(OLD, since, now))
            new = new.model_copy(update={"pairs": count, "otherwise": otherwise})
        return new, old

    def _calls(self, state: Rollout, variant: str, begin: float, end: float) -> Evidence:
        latency = state.tolerance.latency_ms
        found = figures.evidence(self._cloudwatch, self._name, variant, latency_ms=latency, begin=begin, end=end)
        kept = self._kept.between(variant, begin, end) if self._kept else []
        return found.model_copy(update={"labels": answers.labels(kept)})


def _counts(known: "DescribeEndpointOutputTypeDef") -> dict[str, int]:
    """Return the instances by variant; a serverless variant has none."""
    variants = (*known.get("ProductionVariants", ()), *known.get("ShadowProductionVariants", ()))
    return {one["VariantName"]: one["CurrentInstanceCount"] for one in variants if "CurrentInstanceCount" in one}
