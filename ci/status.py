"""How an environment is: what is deployed, which endpoints answer, what the last jobs did."""

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ci import known_jobs
from ci.result import Result
from ci.site import Site
from infra.naming import Names, stack_id
from infra.spec.serving import EndpointKind

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker.type_defs import DescribeEndpointOutputTypeDef

LAST_JOBS = 10


class EndpointState(Result):
    """One endpoint and the configuration that it is on."""

    endpoint: str
    region: str
    state: str
    configuration: str
    kind: EndpointKind
    # None for a serverless one.
    instances: int | None


class ClusterState(Result):
    """One cluster: whether its head is there, and how many workers are, of those that should be."""

    cluster: str
    region: str
    head_in_service: bool
    workers_in_service: int
    workers_desired: int
    workers_most: int


class JobState(Result):
    """One job and how it went."""

    job: str
    state: str
    created: str


class StatusResult(Result):
    """The environment as it is now."""

    environment: str
    # Stack → how many resources its state holds.
    stacks: dict[str, int]
    endpoints: tuple[EndpointState, ...]
    clusters: tuple[ClusterState, ...]
    # The newest first.
    jobs: tuple[JobState, ...]


def status(site: Site) -> StatusResult:
    """Look at the states, endpoints and jobs of the environment; reads only."""
    return StatusResult(
        environment=site.name,
        stacks=_stacks(site),
        endpoints=tuple(_endpoints(site)),
        clusters=tuple(_clusters(site)),
        jobs=tuple(_jobs(site)),
    )


def _stacks(site: Site) -> dict[str, int]:
    """Count by the states that are in the bucket: what the program says now does not matter."""
    state = site.environment.state
    s3: S3Client = site.client("s3", state.region)
    counts: dict[str, int] = {}
    try:
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=state.bucket, Prefix=f"{site.name}/"):
            for entry in page.get("Contents", []):
                if entry["Key"].endswith(".tfstate"):
                    document = json.loads(s3.get_object(Bucket=state.bucket, Key=entry["Key"])["Body"].read())
                    managed = [block for block in document["resources"] if block["mode"] == "managed"]
                    *_, region, component = entry["Key"].removesuffix(".tfstate").split("/")
                    counts[stack_id(site.name, region, component)] = sum(len(block["instances"]) for block in managed)
    except s3.exceptions.NoSuchBucket:
        return {}
    return counts


def _endpoints(site: Site) -> list[EndpointState]:
    found = []
    for region in site.environment.regions:
        sagemaker: SageMakerClient = site.client("sagemaker", region.name)
        prefix = Names.of(site.environment, region.name).regional("")
        for page in sagemaker.get_paginator("list_endpoints").paginate(NameContains=prefix):
            for entry in page["Endpoints"]:
                known = sagemaker.describe_endpoint(EndpointName=entry["EndpointName"])
                found.append(_endpoint(region.name, known))
    return found


def _endpoint(region: str, known: "DescribeEndpointOutputTypeDef") -> EndpointState:
    variants = known.get("ProductionVariants", [])
    serverless = any("CurrentServerlessConfig" in variant for variant in variants)
    kind: EndpointKind = "async" if known.get("AsyncInferenceConfig") else "real-time"
    return EndpointState(
        endpoint=known["EndpointName"],
        region=region,
        state=known["EndpointStatus"],
        configuration=known["EndpointConfigName"],
        kind="serverless" if serverless else kind,
        instances=None if serverless else sum(variant.get("CurrentInstanceCount", 0) for variant in variants),
    )


def _clusters(site: Site) -> Iterator[ClusterState]:
    """Join the two groups of each cluster, which are called by its name."""
    for region in site.environment.regions:
        prefix = Names.of(site.environment, region.name).regional("cluster-")
        pages = site.client("autoscaling", region.name).get_paginator("describe_auto_scaling_groups").paginate()
        found = {group["AutoScalingGroupName"]: group for page in pages for group in page["AutoScalingGroups"]}
        for name, workers in sorted(found.items()):
            if name.startswith(prefix) and name.endswith("-workers"):
                cluster = name.removesuffix("-workers")
                yield ClusterState(
                    cluster=cluster,
                    region=region.name,
                    head_in_service=_in_service(found.get(f"{cluster}-head")) > 0,
                    workers_in_service=_in_service(workers),
                    workers_desired=workers["DesiredCapacity"],
                    workers_most=workers["MaxSize"],
                )


def _in_service(group: Mapping[str, Any] | None) -> int:
    return sum(one["LifecycleState"] == "InService" for one in group["Instances"]) if group else 0


def _jobs(site: Site) -> list[JobState]:
    return [
        JobState(job=job.job, state=job.state, created=job.created.isoformat(timespec="seconds"))
        for job in known_jobs.listed(site, most=LAST_JOBS)
    ]
