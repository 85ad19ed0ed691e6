"""Training on a cluster: orders that its head does, handed over as files in S3, and followed to their end."""

import time
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ci import job_records, jobs
from ci.contracts import cluster_contract
from ci.errors import CommandError, JobError
from ci.job_records import Standing, State
from ci.log_tail import LogTail
from ci.progress import Progress
from ci.site import Site
from infra.spec import EmbeddedCloud
from infra.spec.contract import ClusterContract
from ml.clusters import orders
from ml.clusters.job_log import STREAMS
from ml.clusters.orders import JobState, Order, Status
from ml.contract import MODEL_ARCHIVE
from ml.launchers.assignment import Assignment

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# A head says that it is there three times a minute.
SILENT_SECONDS = 120
STATES: dict[Status, State] = {
    Status.RUNNING: "InProgress",
    Status.SUCCEEDED: "Completed",
    Status.FAILED: "Failed",
    Status.STOPPED: "Stopped",
}


def takes_jobs(site: Site, cluster: str) -> bool:
    """Say whether the cluster's head has been heard of lately."""
    told = _read(site, cluster_contract(site, cluster), orders.ALIVE)
    return told is not None and time.time() - float(told) < SILENT_SECONDS


def check_takes_jobs(site: Site, cluster: str) -> None:
    """Raise `CommandError` for a cluster whose head has not."""
    if takes_jobs(site, cluster):
        return
    group = cluster_contract(site, cluster).log_group
    fix = f"see what its machines say, in log group {group}; a head that is lost is replaced within minutes"
    if isinstance(site.environment.target, EmbeddedCloud):
        fix = "the embedded cloud starts no Ray on a cluster's machines: train --on sagemaker or batch:POOL here, "
        fix += "and see a real cluster train by `groundplan drill launchers`"
    rule = f"has not been heard of for {SILENT_SECONDS} s"
    raise CommandError(thing=f"cluster {cluster!r}", value="its head", rule=rule, fix=fix)


def start(site: Site, cluster: str, request: jobs.JobRequest) -> str:
    """Order the job and return its name. Each process takes a GPU where workers have some, else a whole worker."""
    contract = cluster_contract(site, cluster)
    (spec,) = (spec for spec in site.home_region.clusters if spec.name == cluster)
    name = request.name or jobs.new_name(site, request.kind, request.model)
    home = f"s3://{contract.artifact_bucket}/{contract.artifact_prefix}"
    assignment = Assignment(
        job=name,
        hyperparameters=dict(request.hyperparameters),
        channels=dict(request.channels),
        checkpoints=f"{home}checkpoints/{name}",
        output=f"{home}jobs/{name}/output",
    )
    fact = spec.worker
    order = Order(
        assignment=assignment, workers=request.workers, cpus=fact.vcpus // max(1, fact.gpus), gpus=1 if fact.gpus else 0
    )
    job_records.keep(site, request, job=name, place=f"cluster:{cluster}", output=assignment.output)
    _write(site, contract, f"{orders.ORDERS}/{name}.json", order.written())
    return name


def follow(site: Site, cluster: str, name: str, progress: Progress) -> JobState:
    """Say the job's lines as they come, and return its state once it has succeeded.

    Raises `JobError` with the log's tail when it ends otherwise. Ctrl-C stops the job.
    """
    contract, tail = cluster_contract(site, cluster), log(site, cluster, name)
    last = deque[str](maxlen=jobs.TAIL_LINES)
    try:
        while True:
            state = _state(site, contract, name)
            for line in tail.read():
                last.append(line)
                progress.say(f"  {line}")
            if state and state.status is not Status.RUNNING:
                break
            time.sleep(jobs.POLL_SECONDS)
    except KeyboardInterrupt:
        _write(site, contract, f"{orders.STOPS}/{name}", b"")
        progress.say(f"Stopping job {name}.")
        raise
    if state.status is Status.SUCCEEDED:
        return state
    raise JobError(
        thing=f"job {name!r}",
        value=state.status,
        rule=f"is how it ended, with exit code {state.exit_code}",
        fix=f"see all of its log: groundplan logs {site.name} {name}; its checkpoints are kept",
        details=list(last),
    )


def standings(site: Site, cluster: str, names: Sequence[str]) -> dict[str, Standing]:
    """Return how those of a cluster's jobs are that it was ordered to do."""
    try:
        contract = cluster_contract(site, cluster)
    except CommandError:
        return {}  # A cluster that is no more has no jobs.
    found = {}
    for name in names:
        state = _state(site, contract, name)
        if state is None:
            found[name] = Standing(state="InProgress", seconds=None)
        else:
            found[name] = Standing(state=STATES[state.status], seconds=seconds(state))
    return found


def seconds(state: JobState) -> int | None:
    """Return how long a job took, from its first beginning to its end."""
    return round(state.ended - state.began) if state.ended else None


def artifact(site: Site, cluster: str, name: str) -> str:
    """Return the S3 address of what the job leaves."""
    contract = cluster_contract(site, cluster)
    return f"s3://{contract.artifact_bucket}/{contract.artifact_prefix}jobs/{name}/output/{MODEL_ARCHIVE}"


def log(site: Site, cluster: str, name: str) -> LogTail:
    """Return a job's log."""
    return LogTail(site.client("logs"), cluster_contract(site, cluster).log_group, f"{STREAMS}{name}")


def _state(site: Site, contract: ClusterContract, name: str) -> JobState | None:
    """Return what the head tells of a job; None before it has read the order."""
    told = _read(site, contract, f"{orders.STATES}/{name}.json")
    return orders.read_state(told) if told else None


def _read(site: Site, contract: ClusterContract, name: str) -> bytes | None:
    s3: S3Client = site.client("s3")
    try:
        return s3.get_object(Bucket=contract.artifact_bucket, Key=contract.artifact_prefix + name)["Body"].read()
    except s3.exceptions.NoSuchKey:
        return None


def _write(site: Site, contract: ClusterContract, name: str, content: bytes) -> None:
    s3: S3Client = site.client("s3")
    s3.put_object(Bucket=contract.artifact_bucket, Key=contract.artifact_prefix + name, Body=content)
