"""AWS IoT jobs, as operators see them: made for things and groups, watched, cancelled."""

import json
from datetime import UTC, datetime
from typing import Any

from infra.localcloud import fleet_jobs
from infra.localcloud.fleet_jobs import Execution, Job
from infra.localcloud.operations import AwsError, Context, Payload, operation
from infra.localcloud.services.iot_job_templates import find_template
from infra.localcloud.services.iot_rules import publish
from infra.localcloud.services.iot_settings import settings
from infra.localcloud.services.iot_tags import forget_tags, keep_tags

FROM_TEMPLATE = (
    *("document", "documentSource", "presignedUrlConfig", "jobExecutionsRolloutConfig", "abortConfig"),
    *("timeoutConfig", "jobExecutionsRetryConfig"),
)
SUMMARY = ("jobArn", "jobId", "targetSelection", "status", "createdAt", "lastUpdatedAt", "completedAt")
EXECUTION_SUMMARY = ("status", "queuedAt", "startedAt", "lastUpdatedAt", "executionNumber")


@operation("iot", "CreateJob")
def create_job(params: Payload, context: Context) -> Payload:
    """A job, with what it is not given taken from its template."""
    name = params["jobId"]
    given = {key: value for key, value in params.items() if key != "tags"}
    if arn := params.get("jobTemplateArn"):
        template = find_template(arn.rsplit("/", 1)[-1], context)
        given = {key: template[key] for key in FROM_TEMPLATE if key in template} | given
    if source := given.get("documentSource"):
        given.setdefault("document", _fetched(source, context))
    if "document" not in given:
        raise AwsError("InvalidRequestException", "Give a document, a documentSource or a jobTemplateArn.")
    _check_document(given["document"])
    job = fleet_jobs.new_job(given, context.arn(f"job/{name}"), datetime.now(UTC))
    for target in job["targets"]:
        _things_of(target, context)
    if _jobs(context).setdefault(name, job) is not job:
        raise AwsError("ResourceAlreadyExistsException", f"Job {name} already exists.", 409)
    keep_tags(context, job["jobArn"], params.get("tags"))
    settled_job(name, context)
    return {key: job[key] for key in ("jobArn", "jobId", "description") if key in job}


@operation("iot", "DescribeJob")
def describe_job(params: Payload, context: Context) -> Payload:
    """One job, with how many things are where."""
    job = settled_job(params["jobId"], context)
    shown = {key: value for key, value in job.items() if not key.startswith("_") and key != "document"}
    shown["jobProcessDetails"] = {"processingTargets": job["targets"], **fleet_jobs.counts(job)}
    return {"job": shown} | ({"documentSource": job["documentSource"]} if "documentSource" in job else {})


@operation("iot", "ListJobs")
def list_jobs(params: Payload, context: Context) -> Payload:
    """All jobs, or those of a status or a selection; newest first."""
    jobs = [settled_job(name, context) for name in list(_jobs(context))]
    wanted = {key: params[key] for key in ("status", "targetSelection") if key in params}
    found = [job for job in jobs if all(job[key] == value for key, value in wanted.items())]
    newest = sorted(found, key=lambda job: job["createdAt"], reverse=True)
    return {"jobs": [{key: job[key] for key in SUMMARY if key in job} for job in newest]}


@operation("iot", "GetJobDocument")
def get_document(params: Payload, context: Context) -> Payload:
    """The document as it was given: links are signed for each device as it asks."""
    return {"document": settled_job(params["jobId"], context)["document"]}


@operation("iot", "CancelJob")
def cancel_job(params: Payload, context: Context) -> Payload:
    """Stop a job."""
    job = settled_job(params["jobId"], context)
    if job["status"] != "IN_PROGRESS":
        raise AwsError("InvalidRequestException", f"Job {job['jobId']} is {job['status']}.")
    words = {"comment": params.get("comment", ""), "reason": params.get("reasonCode", "")}
    with context.cloud.lock:
        fleet_jobs.cancel(job, datetime.now(UTC), force=bool(params.get("force")), **words)
    announce(job, "CANCELED", context)
    return {key: job[key] for key in ("jobArn", "jobId", "description") if key in job}


@operation("iot", "DeleteJob")
def delete_job(params: Payload, context: Context) -> Payload:
    """Forget a job that has ended, or with `force` any."""
    job = settled_job(params["jobId"], context)
    if job["status"] == "IN_PROGRESS" and not params.get("force"):
        raise AwsError("InvalidStateTransitionException", f"Job {job['jobId']} is IN_PROGRESS.", 409)
    _jobs(context).pop(params["jobId"], None)
    forget_tags(context, job["jobArn"])
    return {}


@operation("iot", "DescribeJobExecution")
def describe_execution(params: Payload, context: Context) -> Payload:
    """What one thing has to do with a job."""
    job = settled_job(params["jobId"], context)
    runs = job["_executions"].get(params["thingName"], [])
    number = params.get("executionNumber", len(runs))
    found = [run for run in runs if run["executionNumber"] == number]
    if not found:
        raise AwsError("ResourceNotFoundException", f"Thing {params['thingName']} has no such execution.", 404)
    return {"execution": _shown(found[0], context)}


@operation("iot", "ListJobExecutionsForJob")
def list_executions_for_job(params: Payload, context: Context) -> Payload:
    """Every thing that was told of a job."""
    job = settled_job(params["jobId"], context)
    summaries = [
        {"thingArn": context.arn(f"thing/{thing}"), "jobExecutionSummary": _summary(runs[-1])}
        for thing, runs in sorted(job["_executions"].items())
        if params.get("status") in (None, runs[-1]["status"])
    ]
    return {"executionSummaries": summaries}


@operation("iot", "ListJobExecutionsForThing")
def list_executions_for_thing(params: Payload, context: Context) -> Payload:
    """Every job that a thing was told of."""
    runs = executions_of(params["thingName"], context)
    wanted = [(job, run) for job, run in runs if params.get("status") in (None, run["status"])]
    summaries = [{"jobId": job["jobId"], "jobExecutionSummary": _summary(run)} for job, run in wanted]
    return {"executionSummaries": summaries}


@operation("iot", "CancelJobExecution")
def cancel_execution(params: Payload, context: Context) -> Payload:
    """Take a job back from one thing."""
    job = settled_job(params["jobId"], context)
    run = fleet_jobs.current(job, params["thingName"])
    if run is None:
        raise AwsError("ResourceNotFoundException", f"Thing {params['thingName']} has no such execution.", 404)
    if run["status"] not in (fleet_jobs.UNDER_WAY if params.get("force") else ("QUEUED",)):
        raise AwsError("InvalidStateTransitionException", f"The execution is {run['status']}.", 409)
    change(job, run, {"status": "CANCELED", "statusDetails": params.get("statusDetails")}, context)
    return {}


def settled_job(name: str, context: Context) -> Job:
    """A job as it is now; ResourceNotFoundException when there is none."""
    job = _jobs(context).get(name)
    if job is None:
        raise AwsError("ResourceNotFoundException", f"Job {name} not found.", 404)
    if job["status"] != "IN_PROGRESS":
        return job
    looks = job["targetSelection"] == "CONTINUOUS" or not job.get("_looked")
    things = [thing for target in job["targets"] for thing in _things_of(target, context)] if looks else []
    with context.cloud.lock:
        fleet_jobs.settle(job, things, datetime.now(UTC))
    if job["status"] != "IN_PROGRESS":
        announce(job, job["status"], context)
    return job


def executions_of(thing: str, context: Context) -> list[tuple[Job, Execution]]:
    """(job, current execution) of every job that a thing was told of, those told first in front."""
    jobs = [settled_job(name, context) for name in list(_jobs(context))]
    runs = [(job, run) for job in jobs if (run := fleet_jobs.current(job, thing))]
    return sorted(runs, key=lambda pair: (pair[1]["queuedAt"], pair[0]["createdAt"]))


def change(job: Job, run: Execution, changes: dict[str, Any], context: Context) -> None:
    """Note what becomes of an execution, tell those who listen, and see what that means for the job."""
    with context.cloud.lock:
        fleet_jobs.update(job, run, changes, datetime.now(UTC))
    if run["status"] in fleet_jobs.ENDED and settings(context, "events").get("JOB_EXECUTION", {}).get("Enabled"):
        event = {"eventType": "JOB_EXECUTION", "operation": run["status"].lower(), "jobId": job["jobId"]}
        event |= {"thingArn": context.arn(f"thing/{run['_thing']}"), "status": run["status"]}
        event |= {"statusDetails": run["statusDetails"]["detailsMap"]}
        topic = f"$aws/events/jobExecution/{job['jobId']}/{run['status'].lower()}"
        publish(topic, json.dumps(event).encode(), context)
    settled_job(job["jobId"], context)


def announce(job: Job, status: str, context: Context) -> None:
    """Publish that a job has ended, where the account's event configurations say so."""
    if settings(context, "events").get("JOB", {}).get("Enabled"):
        event = {"eventType": "JOB", "operation": status.lower(), "jobId": job["jobId"], "status": status}
        event |= {"jobProcessDetails": fleet_jobs.counts(job), "comment": job.get("comment", "")}
        publish(f"$aws/events/job/{job['jobId']}/{status.lower()}", json.dumps(event).encode(), context)


def _jobs(context: Context) -> dict[str, Job]:
    """Notes, not resources: what ran stays on record on AWS too, and nobody pays for it."""
    return context.cloud.notes("iot", "Job", account=context.account, region=context.region)


def _things_of(target: str, context: Context) -> list[str]:
    """The things that a target means: itself, or the members of a group and of those below it."""
    from botocore.exceptions import ClientError

    iot = context.cloud.client("iot", context.region)
    kind, _, name = target.rsplit(":", 1)[-1].partition("/")
    try:
        if kind == "thing":
            return [iot.describe_thing(thingName=name)["thingName"]]
        iot.describe_thing_group(thingGroupName=name)
        below = iot.list_thing_groups(parentGroup=name, recursive=True)["thingGroups"]
        groups = [name, *(group["groupName"] for group in below)]
        return [thing for group in groups for thing in iot.list_things_in_thing_group(thingGroupName=group)["things"]]
    except ClientError as error:
        raise AwsError("ResourceNotFoundException", f"Target {target} not found.", 404) from error


def _fetched(source: str, context: Context) -> str:
    """A document from S3, by `https://s3….amazonaws.com/bucket/key` or `https://bucket.s3….amazonaws.com/key`."""
    bucket, key = bucket_and_key(source)
    body = context.cloud.client("s3", context.region).get_object(Bucket=bucket, Key=key)["Body"]
    return str(body.read().decode())


def bucket_and_key(url: str) -> tuple[str, str]:
    """The bucket and the key that an S3 address of either style names."""
    host, _, path = url.removeprefix("https://").partition("/")
    if host.startswith(("s3.", "s3-")):
        bucket, _, path = path.partition("/")
        return bucket, path
    return host.split(".s3")[0], path


def _check_document(document: str) -> None:
    try:
        json.loads(document)
    except ValueError as error:
        raise AwsError("InvalidRequestException", f"The job document is no JSON: {error}") from error


def _summary(run: Execution) -> Payload:
    return {key: run[key] for key in EXECUTION_SUMMARY if key in run}


def _shown(run: Execution, context: Context) -> Payload:
    shown = {key: value for key, value in run.items() if not key.startswith("_")}
    left = fleet_jobs.seconds_left(run, datetime.now(UTC))
    timed = {} if left is None else {"approximateSecondsBeforeTimedOut": left}
    return {**shown, **timed, "thingArn": context.arn(f"thing/{run['_thing']}"), "forceCanceled": False}
