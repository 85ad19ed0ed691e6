"""Puts a registered model behind an endpoint: a model and a configuration named by their content, then the way there.

The three are one release and never change: other content has another name.
"""

import hashlib
import json
import time
from typing import TYPE_CHECKING, Any

from ci.jobs import tags
from ci.leftovers import MANAGED_BY, is_released
from ci.model_registry import Package
from ci.progress import QUIET, Progress
from ci.serving_requests import beside_request, configuration_request, model_request
from ci.site import Site
from ci.traffic.evidence import Tolerance
from ci.traffic.figures import raised_alarms
from ci.traffic.run import Releases, Watcher, nobody
from ci.traffic.state import Patience, Rollout
from infra.spec import AllAtOnce, EndpointSpec, ReleaseSpec
from infra.spec.contract import ServingContract

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient


def roll_out(
    site: Site,
    region: str,
    contract: ServingContract,
    package: Package,
    *,
    spec: EndpointSpec | None = None,
    progress: Progress = QUIET,
    watcher: Watcher = nobody,
) -> str:
    """Bring `package` to the endpoint's calls as `spec` wants it, and return the name of its configuration.

    Equal content has an equal name, so a second run finds what the first made, and goes on with what it began. Raises
    `WorkError` when the release went back to what served before. Without `spec` it comes all at once.
    `watcher` is told of each look.
    """
    sagemaker: SageMakerClient = site.client("sagemaker", region)
    releases = Releases(site, region, contract, progress=progress, watcher=watcher)
    name = _make(site, sagemaker, contract, package)
    if releases.under_way(package.version) is None:
        known = sagemaker.describe_endpoint(EndpointName=contract.endpoint_name)
        if known["EndpointConfigName"] == name:
            return name
        releases.begin(_planned(site, region, contract, package, name, spec))
    return releases.follow().new


def _make(site: Site, sagemaker: "SageMakerClient", contract: ServingContract, package: Package) -> str:
    """Make the release's model and configuration, unless they are there; return their name."""
    model = model_request(contract, package)
    name = _named(contract, [model, configuration_request(contract, "")])
    if not _exists(sagemaker.describe_model, ModelName=name):
        sagemaker.create_model(ModelName=name, Tags=_labels(site, contract), **model)
    _make_configuration(site, sagemaker, contract, name, configuration_request(contract, name))
    return name


def _make_configuration(
    site: Site, sagemaker: "SageMakerClient", contract: ServingContract, name: str, request: dict[str, Any]
) -> None:
    if not _exists(sagemaker.describe_endpoint_config, EndpointConfigName=name):
        sagemaker.create_endpoint_config(EndpointConfigName=name, Tags=_labels(site, contract), **request)


def _named(contract: ServingContract, content: Any) -> str:
    sum_of_it = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return f"{contract.endpoint_name[:50]}-{sum_of_it[:12]}"


def _labels(site: Site, contract: ServingContract) -> Any:
    return [*tags(site, component="serving", model=contract.model), MANAGED_BY]


def _planned(
    site: Site,
    region: str,
    contract: ServingContract,
    package: Package,
    name: str,
    spec: EndpointSpec | None,
) -> Rollout:
    """Return the release as it begins, with the configuration that it stands beside the old one in."""
    sagemaker: SageMakerClient = site.client("sagemaker", region)
    known: Any = sagemaker.describe_endpoint(EndpointName=contract.endpoint_name)
    old = sagemaker.describe_endpoint_config(EndpointConfigName=known["EndpointConfigName"])
    strategy = _strategy(sagemaker, old, spec)
    beside = ""
    first = strategy.stages[0]
    if first.arrangement != "alone":
        is_mirrored = first.arrangement == "mirrored"
        instances = known["ProductionVariants"][0].get("CurrentInstanceCount", 1)
        count = max(1, -(-instances * (100 if is_mirrored else first.percent) // 100))
        request = beside_request(contract, dict(old["ProductionVariants"][0]), name, mirrored=is_mirrored, count=count)
        beside = _named(contract, request)
        _make_configuration(site, sagemaker, contract, beside, request)
    return Rollout(
        endpoint=contract.endpoint_name,
        version=package.version,
        old=known["EndpointConfigName"],
        beside=beside,
        new=name,
        stages=strategy.stages,
        tolerance=_tolerance(strategy, spec or EndpointSpec(name="unnamed", model=contract.model)),
        patience=Patience(
            least_requests=strategy.least_requests,
            seconds=strategy.patience_seconds,
            look_seconds=strategy.look_seconds,
        ),
        begun=time.time(),
        alarms=raised_alarms(site.client("cloudwatch", region), contract.endpoint_name),
    )


def _strategy(sagemaker: "SageMakerClient", old: Any, spec: EndpointSpec | None) -> ReleaseSpec:
    """Return how to release: all at once where there is no old release that a new one could be compared with."""
    is_first = not is_released(sagemaker, old["EndpointConfigArn"])
    return AllAtOnce() if spec is None or is_first else spec.strategy


def _tolerance(strategy: ReleaseSpec, spec: EndpointSpec) -> Tolerance:
    return Tolerance(
        more_failed=strategy.more_failed_percent / 100,
        more_slow=strategy.more_slow_percent / 100,
        other_answers=strategy.other_answers_percent / 100,
        false_alarm=strategy.false_alarm_percent / 100,
        latency_ms=spec.max_latency_ms,
        failed=spec.max_error_percent / 100,
    )


def _exists(describe: Any, **name: str) -> bool:
    from botocore.exceptions import ClientError

    try:
        describe(**name)
    except ClientError as error:
        # SageMaker says ValidationException for "Could not find"; anything else is no answer to our question.
        if error.response["Error"]["Code"] in {"ValidationException", "ResourceNotFound"}:
            return False
        raise
    return True
