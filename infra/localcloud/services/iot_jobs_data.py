"""AWS IoT jobs, as devices see them, over HTTP. (Over MQTT they are told; that is not part of this cloud.)"""

import dataclasses
import json
import re
from datetime import UTC, datetime
from typing import Any

from infra.localcloud import fleet_jobs
from infra.localcloud.fleet_jobs import Execution, Job
from infra.localcloud.operations import AwsError, Context, Payload, after, operation
from infra.localcloud.services.iot_index import heard_of
from infra.localcloud.services.iot_jobs import bucket_and_key, change, executions_of, settled_job

SERVICE = "iot-jobs-data"
LINK = re.compile(r"\$\{aws:iot:s3-presigned-url(?:-v2)?:([^}]+)\}")
SUMMARY = ("jobId", "queuedAt", "startedAt", "lastUpdatedAt", "versionNumber", "executionNumber")
TIMES = ("queuedAt", "startedAt", "lastUpdatedAt")


@operation(SERVICE, "GetPendingJobExecutions")
def get_pending(params: Payload, context: Context) -> Payload:
    """What a thing is at, and what waits for it."""
    runs = executions_of(params["thingName"], _iot(context))
    return {
        name: [_seconds({key: run[key] for key in SUMMARY if key in run}) for _, run in runs if run["status"] == status]
        for name, status in (("inProgressJobs", "IN_PROGRESS"), ("queuedJobs", "QUEUED"))
    }


@operation(SERVICE, "StartNextPendingJobExecution")
def start_next(params: Payload, context: Context) -> Payload:
    """What a thing is at already, or what has waited longest; nothing when there is nothing to do."""
    found = _next(params["thingName"], context)
    if found is None:
        return {}
    job, run = found
    changes: Payload = {key: params[key] for key in ("statusDetails", "stepTimeoutInMinutes") if key in params}
    if run["status"] == "QUEUED" or changes:
        change(job, run, {"status": "IN_PROGRESS", **changes}, _iot(context))
    return {"execution": _shown(job, run, context, document=True)}


@operation(SERVICE, "DescribeJobExecution")
def describe_execution(params: Payload, context: Context) -> Payload:
    """One execution; `$next` is the one that would be started."""
    if params["jobId"] == "$next":
        found = _next(params["thingName"], context)
        if found is None:
            return {}
        job, run = found
    else:
        job, run = _execution(params, context)
    return {"execution": _shown(job, run, context, document=params.get("includeJobDocument", True))}


@operation(SERVICE, "UpdateJobExecution")
def update_execution(params: Payload, context: Context) -> Payload:
    """What a device says of its part in a job."""
    job, run = _execution(params, context)
    if run["status"] in fleet_jobs.ENDED:
        raise AwsError("InvalidStateTransitionException", f"The execution is {run['status']} already.", 409)
    if params["status"] not in ("IN_PROGRESS", "SUCCEEDED", *fleet_jobs.FAILURES):
        raise AwsError("InvalidRequestException", f"A device cannot set the status {params['status']}.")
    if params.get("expectedVersion", run["versionNumber"]) != run["versionNumber"]:
        raise AwsError("VersionMismatch", f"The execution is at version {run['versionNumber']}.", 409)
    changes: Payload = {
        key: params[key] for key in ("status", "statusDetails", "stepTimeoutInMinutes") if key in params
    }
    change(job, run, changes, _iot(context))
    answer: Payload = {}
    if params.get("includeJobExecutionState"):
        details = run["statusDetails"]["detailsMap"]
        state = {"status": run["status"], "statusDetails": details, "versionNumber": run["versionNumber"]}
        answer["executionState"] = state
    if params.get("includeJobDocument"):
        answer["jobDocument"] = _document(job, context)
    return answer


def _iot(context: Context) -> Context:
    """The same caller at AWS IoT itself, where jobs are kept."""
    return dataclasses.replace(context, service="iot")


def _hears(action: str) -> None:
    @after(SERVICE, action)
    def hear(params: Payload, answer: Payload, context: Context) -> Payload:
        heard_of(params["thingName"], context)
        return answer


for _action in ("GetPendingJobExecutions", "StartNextPendingJobExecution", "UpdateJobExecution"):
    _hears(_action)


def _next(thing: str, context: Context) -> tuple[Job, Execution] | None:
    runs = [pair for pair in executions_of(thing, _iot(context)) if pair[1]["status"] in fleet_jobs.UNDER_WAY]
    return min(runs, key=lambda pair: pair[1]["status"] == "QUEUED", default=None)


def _execution(params: Payload, context: Context) -> tuple[Job, Execution]:
    job = settled_job(params["jobId"], _iot(context))
    run = fleet_jobs.current(job, params["thingName"])
    if run is None or params.get("executionNumber", run["executionNumber"]) != run["executionNumber"]:
        raise AwsError("ResourceNotFoundException", f"Thing {params['thingName']} has no such execution.", 404)
    return job, run


def _shown(job: Job, run: Execution, context: Context, *, document: bool) -> Payload:
    shown = {key: value for key, value in run.items() if not key.startswith("_")}
    shown |= {"thingName": run["_thing"], "statusDetails": run["statusDetails"]["detailsMap"]}
    left = fleet_jobs.seconds_left(run, datetime.now(UTC))
    if left is not None:
        shown["approximateSecondsBeforeTimedOut"] = left
    return _seconds(shown) | ({"jobDocument": _document(job, context)} if document else {})


def _document(job: Job, context: Context) -> str:
    """The document with a fresh link for each object that it names."""
    settings = job.get("presignedUrlConfig", {})
    s3 = context.cloud.client("s3", context.region)

    def sign(found: re.Match[str]) -> str:
        bucket, key = bucket_and_key(found[1])
        lasts = settings.get("expiresInSec", 3600)
        url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=lasts)
        return json.dumps(url)[1:-1]

    return LINK.sub(sign, job["document"])


def _seconds(shown: dict[str, Any]) -> Payload:
    """Times as devices read them: whole seconds."""
    return {key: int(value.timestamp()) if key in TIMES else value for key, value in shown.items()}
