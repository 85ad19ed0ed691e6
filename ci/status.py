"""How an environment is: what is deployed, which endpoints answer, what the last jobs did."""

import json
from typing import TYPE_CHECKING

from ci.result import Result
from ci.site import Site
from infra.naming import Names
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
    # The newest first.
    jobs: tuple[JobState, ...]


def status(site: Site) -> StatusResult:
    """Look at the states, endpoints and jobs of the environment; reads only."""
    return StatusResult(
        environment=site.name, stacks=_stacks(site), endpoints=tuple(_endpoints(site)), jobs=tuple(_jobs(site))
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
                    name = entry["Key"].removeprefix(f"{site.name}/").removesuffix(".tfstate")
                    counts[name] = sum(len(block["instances"]) for block in managed)
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


def _jobs(site: Site) -> list[JobState]:
    sagemaker: SageMakerClient = site.client("sagemaker")
    prefix = Names.of(site.environment, site.home_region.name).regional("")
    page = sagemaker.list_training_jobs(
        NameContains=prefix, SortBy="CreationTime", SortOrder="Descending", MaxResults=LAST_JOBS
    )
    return [
        JobState(
            job=entry["TrainingJobName"],
            state=entry["TrainingJobStatus"],
            created=entry["CreationTime"].isoformat(timespec="seconds"),
        )
        for entry in page["TrainingJobSummaries"]
    ]
