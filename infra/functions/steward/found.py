"""What costs money by the hour in one region, whose it is, since when, and how to end it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3

UNFINISHED = ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING")
# What Batch describes in one call.
MOST_JOBS = 100


@dataclass(frozen=True)
class Found:
    """Something that costs while it exists. `end` stops or removes it in the way that keeps most of its work."""

    kind: str
    name: str
    region: str
    tags: dict[str, str]
    since: datetime
    end: Callable[[], Any]


def endpoints(region: str) -> Iterator[Found]:
    """Endpoints on instances. A serverless one costs nothing while nobody asks, and is not among them."""
    sagemaker: Any = boto3.client("sagemaker", region_name=region)
    for one in _pages(sagemaker, "list_endpoints", "Endpoints"):
        name = one["EndpointName"]
        description = sagemaker.describe_endpoint(EndpointName=name)
        config = sagemaker.describe_endpoint_config(EndpointConfigName=description["EndpointConfigName"])
        if any("ServerlessConfig" not in variant for variant in config["ProductionVariants"]):
            tags = _pairs(sagemaker.list_tags(ResourceArn=one["EndpointArn"])["Tags"])

            def end(name: str = name) -> Any:
                return sagemaker.delete_endpoint(EndpointName=name)

            yield Found("endpoint", name, region, tags, _moment(one["CreationTime"]), end)


def training_jobs(region: str) -> Iterator[Found]:
    """Training jobs that run. A stopped one writes its checkpoint first and can be taken up again."""
    sagemaker: Any = boto3.client("sagemaker", region_name=region)
    for one in _pages(sagemaker, "list_training_jobs", "TrainingJobSummaries", StatusEquals="InProgress"):
        name = one["TrainingJobName"]
        tags = _pairs(sagemaker.list_tags(ResourceArn=one["TrainingJobArn"])["Tags"])

        def end(name: str = name) -> Any:
            return sagemaker.stop_training_job(TrainingJobName=name)

        yield Found("training job", name, region, tags, _moment(one["CreationTime"]), end)


def batch_jobs(region: str) -> Iterator[Found]:
    """Batch jobs that run or wait to. One without tags of its own has those of its queue."""
    batch: Any = boto3.client("batch", region_name=region)
    for queue in _pages(batch, "describe_job_queues", "jobQueues"):
        for status in UNFINISHED:
            waiting = list(
                _pages(batch, "list_jobs", "jobSummaryList", jobQueue=queue["jobQueueArn"], jobStatus=status)
            )
            for start in range(0, len(waiting), MOST_JOBS):
                ids = [job["jobId"] for job in waiting[start : start + MOST_JOBS]]
                for job in batch.describe_jobs(jobs=ids)["jobs"]:

                    def end(job_id: str = job["jobId"]) -> Any:
                        return batch.terminate_job(jobId=job_id, reason="ended by the environment's steward")

                    tags = {**queue.get("tags", {}), **job.get("tags", {})}
                    since = datetime.fromtimestamp(job["createdAt"] / 1000, UTC)
                    yield Found("batch job", job["jobId"], region, tags, since, end)


def groups(region: str) -> Iterator[Found]:
    """Auto Scaling groups with machines. They stay, with none."""
    autoscaling: Any = boto3.client("autoscaling", region_name=region)
    for one in _pages(autoscaling, "describe_auto_scaling_groups", "AutoScalingGroups"):
        if one["DesiredCapacity"] or one["MinSize"]:
            name = one["AutoScalingGroupName"]

            def end(name: str = name) -> Any:
                return autoscaling.update_auto_scaling_group(AutoScalingGroupName=name, MinSize=0, DesiredCapacity=0)

            yield Found("group", name, region, _pairs(one.get("Tags", ())), _moment(one["CreatedTime"]), end)


def job_queues(region: str, *, state: str) -> Iterator[Found]:
    """Batch queues that are not in `state`; ending one puts it there."""
    batch: Any = boto3.client("batch", region_name=region)
    for queue in _pages(batch, "describe_job_queues", "jobQueues"):
        if queue["state"] != state:

            def end(arn: str = queue["jobQueueArn"]) -> Any:
                return batch.update_job_queue(jobQueue=arn, state=state)

            yield Found("job queue", queue["jobQueueName"], region, queue.get("tags", {}), datetime.now(UTC), end)


def _pages(client: Any, operation: str, member: str, **parameters: Any) -> Iterator[Any]:
    if client.can_paginate(operation):
        for page in client.get_paginator(operation).paginate(**parameters):
            yield from page[member]
    else:
        yield from getattr(client, operation)(**parameters)[member]


def _pairs(tags: Iterable[dict[str, Any]]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tags}


def _moment(when: datetime) -> datetime:
    return when if when.tzinfo else when.replace(tzinfo=UTC)
