"""Batch's operations on jobs. Queues, definitions and compute environments are moto's; the jobs are ours."""

import re

from infra.localcloud.machines.batch_array import BatchArray, expanded
from infra.localcloud.machines.batch_container import container_of, vcpus_of
from infra.localcloud.machines.batch_job import BatchJob, refused
from infra.localcloud.machines.registry import machines_of
from infra.localcloud.operations import AwsError, Context, Payload, operation

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
UNSTARTED = ("SUBMITTED", "PENDING", "RUNNABLE")


@operation("batch", "SubmitJob")
def submit_job(params: Payload, context: Context) -> Payload:
    """Check what Batch checks before it accepts a job, then queue it."""
    if not NAME.fullmatch(params["jobName"]):
        raise refused("Job name should match valid pattern")
    for unsupported in ("eksPropertiesOverride", "ecsPropertiesOverride"):
        if params.get(unsupported):
            raise AwsError("NotImplemented", f"The embedded cloud runs no jobs with {unsupported}.", 501)
    definition, queue = _definition(params["jobDefinition"], context), _queue(params["jobQueue"], context)
    if queue["state"] != "ENABLED":
        raise refused(f"Job queue {queue['jobQueueName']} is DISABLED")
    if queue.get("schedulingPolicyArn") and not params.get("shareIdentifier"):
        raise refused("A share identifier must be specified when submitting to a queue with a scheduling policy.")
    job = BatchJob(
        request=params,
        definition=definition,
        queue=queue,
        account=context.account,
        region=context.region,
        on_change=lambda job: None,
    )
    container_of(job, job.nodes - 1)
    _check_room(job, queue, context)
    jobs = machines_of(context.cloud).batch
    job = expanded(job, lambda id: jobs.find(context.account, context.region, id))
    jobs.start(job)
    return {"jobArn": job.arn, "jobId": job.id, "jobName": job.name}


@operation("batch", "DescribeJobs")
def describe_jobs(params: Payload, context: Context) -> Payload:
    """Jobs by their ids, and nodes by `id#index`; those that are not known are left out."""
    found = []
    for asked in params["jobs"]:
        id, _, node = asked.partition("#")
        if job := machines_of(context.cloud).batch.find(context.account, context.region, id):
            found.append(job.describe(int(node) if node else None))
    return {"jobs": found}


@operation("batch", "ListJobs")
def list_jobs(params: Payload, context: Context) -> Payload:
    """The jobs of a queue or an array in one status (RUNNING unless asked otherwise), or the nodes of a job."""
    jobs = machines_of(context.cloud).batch
    if parent := params.get("multiNodeJobId"):
        job = jobs.find(context.account, context.region, parent)
        nodes = range(job.nodes) if job else ()
        return {"jobSummaryList": [_node_summary(job, node) for node in nodes if job]}
    mine = _jobs_in(params, context)
    filters = params.get("filters") or []
    if not filters:
        status = params.get("jobStatus", "RUNNING")
        mine = [job for job in mine if job.status == status]
    for one in filters:
        if one["name"] == "JOB_NAME":
            mine = [job for job in mine if any(_named(job, value) for value in one["values"])]
    return {"jobSummaryList": [job.summary() for job in reversed(mine)]}


@operation("batch", "TerminateJob")
def terminate_job(params: Payload, context: Context) -> Payload:
    """End a job wherever it is; one that has ended or is not known stays as it is."""
    jobs = machines_of(context.cloud).batch
    if job := jobs.find(context.account, context.region, params["jobId"]):
        jobs.end(job, params["reason"])
    return {}


@operation("batch", "CancelJob")
def cancel_job(params: Payload, context: Context) -> Payload:
    """End a job that has not started, or those children of an array that have not."""
    jobs = machines_of(context.cloud).batch
    job = jobs.find(context.account, context.region, params["jobId"])
    for child in job.children if isinstance(job, BatchArray) else [job]:
        if child and child.status in UNSTARTED:
            jobs.end(child, params["reason"])
    return {}


def _jobs_in(params: Payload, context: Context) -> list[BatchJob]:
    """The children of an array, last first, or the jobs of a queue."""
    jobs = machines_of(context.cloud).batch
    if array := params.get("arrayJobId"):
        found = jobs.find(context.account, context.region, array)
        return found.children[::-1] if isinstance(found, BatchArray) else []
    queue = _queue(params["jobQueue"], context)["jobQueueArn"]
    return [job for job in jobs.all(context.account, context.region) if job.queue["jobQueueArn"] == queue]


def _definition(asked: str, context: Context) -> Payload:
    """The revision that is named, or the newest."""
    batch = context.cloud.client("batch", context.region)
    name, _, revision = asked.rsplit("/", 1)[-1].partition(":")
    found = batch.describe_job_definitions(jobDefinitionName=name, status="ACTIVE")["jobDefinitions"]
    fitting = [one for one in found if revision in ("", str(one["revision"]))]
    if not fitting:
        raise refused(f"JobDefinition {asked} not found")
    newest: Payload = max(fitting, key=lambda one: int(one["revision"]))
    return newest


def _queue(asked: str, context: Context) -> Payload:
    found = context.cloud.client("batch", context.region).describe_job_queues(jobQueues=[asked])["jobQueues"]
    if not found:
        raise refused(f"JobQueue {asked} not found")
    queue: Payload = found[0]
    return queue


def _check_room(job: BatchJob, queue: Payload, context: Context) -> None:
    """A job that no compute environment could ever hold would wait for ever; on AWS it does."""
    order = [one["computeEnvironment"] for one in queue["computeEnvironmentOrder"]]
    batch = context.cloud.client("batch", context.region)
    environments = batch.describe_compute_environments(computeEnvironments=order)["computeEnvironments"]
    room = max((one["computeResources"]["maxvCpus"] for one in environments), default=0)
    if vcpus_of(job) > room:
        context.cloud.log.warning("batch job will never start", job=job.id, vcpus=vcpus_of(job), room=room)


def _node_summary(job: BatchJob, node: int) -> Payload:
    summary = job.summary()
    return {**summary, "jobId": f"{job.id}#{node}", "nodeProperties": {"nodeIndex": node, "isMainNode": node == 0}}


def _named(job: BatchJob, pattern: str) -> bool:
    wanted, name = pattern.lower(), job.name.lower()
    return name.startswith(wanted[:-1]) if wanted.endswith("*") else name == wanted
