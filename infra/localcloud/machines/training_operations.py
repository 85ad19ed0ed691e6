"""SageMaker's operations on training jobs. moto keeps the records for tags and searches; the jobs are ours."""

import re
from typing import Any

from infra.localcloud.machines import storage
from infra.localcloud.machines.container import in_container
from infra.localcloud.machines.instances import UnknownInstanceTypeError, capacity_of
from infra.localcloud.machines.registry import machines_of
from infra.localcloud.machines.storage import S3Uri
from infra.localcloud.machines.training_job import TrainingJob
from infra.localcloud.machines.training_run import nothing_under
from infra.localcloud.operations import AwsError, Context, Payload, operation

MOST_RESULTS = 100


@operation("sagemaker", "CreateTrainingJob")
def create_training_job(params: Payload, context: Context) -> Payload:
    """Check what SageMaker checks before it accepts a job, then start it."""
    jobs = machines_of(context.cloud).training
    name = params["TrainingJobName"]
    job = TrainingJob(
        request=params,
        arn=context.arn(f"training-job/{name}"),
        account=context.account,
        region=context.region,
    )
    if jobs.find(context.account, context.region, name):
        raise AwsError(
            "ResourceInUse",
            "Training job names must be unique within an AWS account and region, and a training job with this name "
            f"already exists ({job.arn})",
        )
    _check(job, context)
    context.forward(None)
    jobs.start(job)
    return {"TrainingJobArn": job.arn}


@operation("sagemaker", "DescribeTrainingJob")
def describe_training_job(params: Payload, context: Context) -> Payload:
    """The request, and how far it has come."""
    return _find(params, context).describe()


@operation("sagemaker", "StopTrainingJob")
def stop_training_job(params: Payload, context: Context) -> Payload:
    """SIGTERM now, SIGKILL after the grace period."""
    job = _find(params, context)
    if not machines_of(context.cloud).training.end(job):
        raise AwsError(
            "ValidationException", f"The request was rejected because the training job is in status {job.status}."
        )
    return {}


@operation("sagemaker", "DeleteTrainingJob")
def delete_training_job(params: Payload, context: Context) -> Payload:
    """Forget an ended job."""
    from moto.sagemaker.models import sagemaker_backends

    job = _find(params, context)
    if not job.ended:
        raise AwsError("ResourceInUse", f"The training job {job.arn} is in status {job.status}; stop it first.")
    machines_of(context.cloud).training.forget(job)
    sagemaker_backends[job.account][job.region].training_jobs.pop(job.name, None)
    return {}


@operation("sagemaker", "ListTrainingJobs")
def list_training_jobs(params: Payload, context: Context) -> Payload:
    """One page, newest first unless asked otherwise."""
    jobs = [job.summary() for job in machines_of(context.cloud).training.all(context.account, context.region)]
    wanted = [job for job in jobs if _matches(job, params)]
    order = {"Name": "TrainingJobName", "Status": "TrainingJobStatus"}.get(params.get("SortBy", ""), "CreationTime")
    wanted.sort(key=lambda job: job[order], reverse=params.get("SortOrder", "Descending") == "Descending")
    start, size = int(params.get("NextToken") or 0), params.get("MaxResults") or MOST_RESULTS
    more = {"NextToken": str(start + size)} if start + size < len(wanted) else {}
    return {"TrainingJobSummaries": wanted[start : start + size], **more}


def _find(params: Payload, context: Context) -> TrainingJob:
    name = params["TrainingJobName"]
    job = machines_of(context.cloud).training.find(context.account, context.region, name)
    if job is None:
        raise AwsError("ValidationException", "Requested resource not found.")
    return job


def _check(job: TrainingJob, context: Context) -> None:
    request: dict[str, Any] = job.request
    instance_type = request["ResourceConfig"].get("InstanceType", "")
    try:
        capacity_of(instance_type)
        for definition in request["AlgorithmSpecification"].get("MetricDefinitions") or []:
            re.compile(definition["Regex"])
        in_container(context.cloud.folder, (request.get("CheckpointConfig") or {}).get("LocalPath") or "/opt/ml")
        S3Uri.parse(request["OutputDataConfig"]["S3OutputPath"])
    except UnknownInstanceTypeError:
        rule = "failed to satisfy constraint: Member must be an instance type that SageMaker offers"
        message = f"1 validation error detected: Value '{instance_type}' at 'resourceConfig.instanceType' {rule}"
        raise AwsError("ValidationException", message) from None
    except (ValueError, re.error) as error:
        raise AwsError("ValidationException", str(error)) from error
    s3 = context.cloud.client("s3", context.region)
    for channel in request.get("InputDataConfig") or []:
        source = (channel.get("DataSource") or {}).get("S3DataSource")
        if not source:
            message = f"channel {channel['ChannelName']!r}: the embedded cloud reads S3DataSource only"
            raise AwsError("ValidationException", message)
        if next(storage.keys_under(s3, S3Uri.parse(source["S3Uri"])), None) is None:
            raise AwsError("ValidationException", nothing_under(source["S3Uri"], job))


def _matches(job: Payload, params: Payload) -> bool:
    tests = (
        params.get("NameContains", "") in job["TrainingJobName"],
        params.get("StatusEquals") in (None, job["TrainingJobStatus"]),
        "CreationTimeAfter" not in params or job["CreationTime"] > params["CreationTimeAfter"],
        "CreationTimeBefore" not in params or job["CreationTime"] < params["CreationTimeBefore"],
        "LastModifiedTimeAfter" not in params or job["LastModifiedTime"] > params["LastModifiedTimeAfter"],
        "LastModifiedTimeBefore" not in params or job["LastModifiedTime"] < params["LastModifiedTimeBefore"],
    )
    return all(tests)
