"""Removes what releases and jobs made beside Terraform, so that a destroy leaves nothing that costs money."""

import secrets
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ci.log_tail import TRAINING_JOBS
from ci.progress import Progress
from ci.site import Site
from infra.naming import Names

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_sagemaker import SageMakerClient

# On every model and endpoint configuration that a release makes.
MANAGED_BY = {"Key": "groundplan:managed-by", "Value": "release"}
STOP_SECONDS = 300.0


def remove_what_releases_made(site: Site, progress: Progress, *, regions: Sequence[str] | None = None) -> int:
    """Stop jobs, then remove in every region, or in these, what releases and pipelines are made of; return how many."""
    removed = 0
    for region in [one.name for one in site.environment.regions] if regions is None else regions:
        sagemaker: SageMakerClient = site.client("sagemaker", region)
        prefix = Names.of(site.environment, region).regional("")
        stopped = _stop_jobs(sagemaker, prefix)
        count = _remove_configurations(sagemaker, prefix) + _remove_models(sagemaker, prefix)
        count += _remove_packages(sagemaker, prefix) + _remove_pipelines(sagemaker, prefix)
        if not site.environment.guarded:
            _remove_job_logs(site.client("logs", region), prefix)
        if stopped or count:
            progress.say(f"{region}: stopped {stopped} jobs, removed {count} things that releases made.")
        removed += count
    return removed


def _stop_jobs(sagemaker: "SageMakerClient", prefix: str) -> int:
    pages = sagemaker.get_paginator("list_training_jobs").paginate(NameContains=prefix, StatusEquals="InProgress")
    names = [job["TrainingJobName"] for page in pages for job in page["TrainingJobSummaries"]]
    for name in names:
        sagemaker.stop_training_job(TrainingJobName=name)
    deadline = time.monotonic() + STOP_SECONDS
    for name in names:
        while _job_runs(sagemaker, name) and time.monotonic() < deadline:
            time.sleep(0.5)
    return len(names)


def _job_runs(sagemaker: "SageMakerClient", name: str) -> bool:
    return sagemaker.describe_training_job(TrainingJobName=name)["TrainingJobStatus"] in {"InProgress", "Stopping"}


def _remove_configurations(sagemaker: "SageMakerClient", prefix: str) -> int:
    """Remove released configurations; first the endpoints on them, which must not lose theirs while they live."""
    pages = sagemaker.get_paginator("list_endpoint_configs").paginate(NameContains=prefix)
    listed = [
        (entry["EndpointConfigName"], entry["EndpointConfigArn"]) for page in pages for entry in page["EndpointConfigs"]
    ]
    released = {name for name, arn in listed if is_released(sagemaker, arn)}
    for endpoint in list(_endpoints(sagemaker, prefix)):
        if sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"] in released:
            sagemaker.delete_endpoint(EndpointName=endpoint)
    for name in released:
        sagemaker.delete_endpoint_config(EndpointConfigName=name)
    return len(released)


def _endpoints(sagemaker: "SageMakerClient", prefix: str) -> Iterator[str]:
    for page in sagemaker.get_paginator("list_endpoints").paginate(NameContains=prefix):
        yield from (entry["EndpointName"] for entry in page["Endpoints"])


def _remove_models(sagemaker: "SageMakerClient", prefix: str) -> int:
    pages = sagemaker.get_paginator("list_models").paginate(NameContains=prefix)
    listed = [(entry["ModelName"], entry["ModelArn"]) for page in pages for entry in page["Models"]]
    released = [name for name, arn in listed if is_released(sagemaker, arn)]
    for name in released:
        sagemaker.delete_model(ModelName=name)
    return len(released)


def _remove_packages(sagemaker: "SageMakerClient", prefix: str) -> int:
    groups = sagemaker.get_paginator("list_model_package_groups").paginate(NameContains=prefix)
    names = [group["ModelPackageGroupName"] for page in groups for group in page["ModelPackageGroupSummaryList"]]
    removed = 0
    for name in names:
        pages = sagemaker.get_paginator("list_model_packages").paginate(ModelPackageGroupName=name)
        for arn in [package["ModelPackageArn"] for page in pages for package in page["ModelPackageSummaryList"]]:
            sagemaker.delete_model_package(ModelPackageName=arn)
            removed += 1
    return removed


def _remove_pipelines(sagemaker: "SageMakerClient", prefix: str) -> int:
    pages = sagemaker.get_paginator("list_pipelines").paginate(PipelineNamePrefix=prefix)
    names = [pipeline["PipelineName"] for page in pages for pipeline in page["PipelineSummaries"]]
    for name in names:
        sagemaker.delete_pipeline(PipelineName=name, ClientRequestToken=secrets.token_hex(16))
    return len(names)


def _remove_job_logs(logs: "CloudWatchLogsClient", prefix: str) -> None:
    """Remove what jobs logged, and the log group, which SageMaker makes for the whole account, if that empties it."""
    try:
        pages = logs.get_paginator("describe_log_streams").paginate(logGroupName=TRAINING_JOBS)
        names = [stream["logStreamName"] for page in pages for stream in page["logStreams"]]
        ours = {name for name in names if name.startswith(prefix)}
        for name in ours:
            logs.delete_log_stream(logGroupName=TRAINING_JOBS, logStreamName=name)
        if len(ours) == len(names):
            logs.delete_log_group(logGroupName=TRAINING_JOBS)
    except logs.exceptions.ResourceNotFoundException:
        return


def is_released(sagemaker: "SageMakerClient", arn: str) -> bool:
    """Say whether a release made the model or configuration."""
    return MANAGED_BY in sagemaker.list_tags(ResourceArn=arn)["Tags"]
