"""Training on a GPU pool: AWS Batch jobs, on one machine or on several side by side, followed to their end."""

import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from ci import job_records, jobs
from ci.contracts import pool_contract, training_contract
from ci.errors import CommandError, JobError
from ci.job_records import Standing, State
from ci.log_tail import LogTail
from ci.progress import Progress
from ci.site import Site
from infra.spec.contract import PoolContract
from ml.contract import ASSIGNMENT_VARIABLE, MODEL_ARCHIVE
from ml.launchers.assignment import Assignment

ENDED = ("SUCCEEDED", "FAILED")
MOST_DESCRIBED = 100


def start(site: Site, pool: str, request: jobs.JobRequest) -> tuple[str, str]:
    """Submit the job to the pool's queue; return its name and Batch's id."""
    check_share(site, pool, request.share)
    contract = pool_contract(site, pool)
    name = request.name or jobs.new_name(site, request.kind, request.model)
    tags = {tag["Key"]: tag["Value"] for tag in jobs.tags(site, component="training", model=request.model)}
    call: dict[str, Any] = {
        "jobName": name,
        "jobQueue": contract.queue_arns[-1 if request.spot is False else 0],
        "jobDefinition": contract.job_definition_arn,
        "tags": tags,
        "propagateTags": True,
        "timeout": {
            "attemptDurationSeconds": min(request.most_seconds or contract.timeout_seconds, contract.timeout_seconds)
        },
        **_overrides(contract, _variables(site, name, request)),
    }
    if request.turn:
        # Who keeps the run begins the next attempt: each is paid for by itself.
        call["retryStrategy"] = {"attempts": 1}
    if contract.fair_shares:
        call["shareIdentifier"] = request.share
    job_records.keep(site, request, job=name, place=f"batch:{pool}", output=_output(site, name))
    return name, site.client("batch").submit_job(**call)["jobId"]


def check_share(site: Site, pool: str, share: str | None) -> None:
    """Raise `CommandError` for a job that does not say whose it is, on a pool whose machines are shared."""
    shares = pool_contract(site, pool).fair_shares
    if shares and share not in shares:
        raise CommandError(
            thing=f"pool {pool!r}",
            value=f"--share {share}" if share else "a job without --share",
            rule="shares its machines, and must know whose share a job is",
            fix=f"give --share {' or --share '.join(shares)}",
        )


def follow(site: Site, pool: str, name: str, id: str, progress: Progress) -> dict[str, Any]:
    """Say the job's log lines as they come, of all its machines, and return its description once it has succeeded.

    Raises `JobError` with the reason and the log's tail when it ends otherwise. Ctrl-C ends the job.
    """
    batch, tail = site.client("batch"), Log(site, pool, id)
    status, last = "", deque[str](maxlen=jobs.TAIL_LINES)
    try:
        while status not in ENDED:
            (job,) = batch.describe_jobs(jobs=[id])["jobs"]
            if job["status"] != status:
                status = job["status"]
                progress.say(f"Job {name} is {status}.")
            for line in tail.read():
                last.append(line)
                progress.say(f"  {line}")
            time.sleep(0 if status in ENDED else jobs.POLL_SECONDS)
    except KeyboardInterrupt:
        batch.terminate_job(jobId=id, reason="Ctrl-C")
        progress.say(f"Stopping job {name}.")
        raise
    if status == "SUCCEEDED":
        return dict(job)
    raise JobError(
        thing=f"job {name!r}",
        value=f"{status} after {len(job['attempts'])} attempts",
        rule=f"is how it ended: {job.get('statusReason', 'no reason given')}, exit code {exit_code(job)}",
        fix=f"see all of its log: groundplan logs {site.name} {name}; its checkpoints are kept",
        details=list(last),
    )


def described(site: Site, pool: str, pattern: str) -> dict[str, dict[str, Any]]:
    """Return what Batch tells of a pool's jobs of that name, or of all whose names begin as in `begin*`, by name."""
    batch, found = site.client("batch"), dict[str, dict[str, Any]]()
    # A pool that is no more has no jobs.
    with suppress(CommandError):
        asked: dict[str, Any] = {"filters": [{"name": "JOB_NAME", "values": [pattern]}]}
        for queue in pool_contract(site, pool).queue_arns:
            pages = batch.get_paginator("list_jobs").paginate(jobQueue=queue, **asked)
            ids = [job["jobId"] for page in pages for job in page["jobSummaryList"]]
            for first in range(0, len(ids), MOST_DESCRIBED):
                told = batch.describe_jobs(jobs=ids[first : first + MOST_DESCRIBED])["jobs"]
                found |= {job["jobName"]: job for job in told}
    return found


def standings(site: Site, pool: str, names: Sequence[str]) -> dict[str, Standing]:
    """Return how those of a pool's jobs are that Batch still knows."""
    pattern = names[0] if len(names) == 1 else f"{jobs.prefix(site)}*"
    return {
        name: Standing(state=_state(job), seconds=seconds(job) if job["status"] in ENDED else None)
        for name, job in described(site, pool, pattern).items()
    }


def _state(job: dict[str, Any]) -> State:
    if job["status"] not in ENDED:
        return "InProgress"
    if job["status"] == "SUCCEEDED":
        return "Completed"
    return "Stopped" if job.get("isTerminated") else "Failed"


def seconds(job: dict[str, Any]) -> int:
    """Return how long a job that has ended had its machines, all attempts together."""
    spans = [one for one in job["attempts"] or [job] if "startedAt" in one]
    return round(sum(int(one["stoppedAt"]) - int(one["startedAt"]) for one in spans) / 1000)


def exit_code(job: dict[str, Any]) -> int | None:
    """Return what a job's last attempt exited with; None where it was not heard."""
    container = (job["attempts"] or [job])[-1].get("container", {})
    code: int | None = container.get("exitCode")
    return code


def artifact(site: Site, name: str) -> str:
    """Return the S3 address of what the job leaves."""
    return f"{_output(site, name)}/{MODEL_ARCHIVE}"


def log(site: Site, pool: str, name: str) -> "Log | None":
    """Return a job's log; None where Batch has forgotten the job."""
    job = described(site, pool, name).get(name)
    return Log(site, pool, job["jobId"]) if job else None


class Log:
    """The lines of all machines and all attempts of one job: each has a stream of its own."""

    def __init__(self, site: Site, pool: str, id: str) -> None:
        contract = pool_contract(site, pool)
        self._group, self._logs, self._batch = contract.log_group, site.client("logs"), site.client("batch")
        self._ids = [id] if contract.nodes == 1 else [f"{id}#{node}" for node in range(contract.nodes)]
        self._tails: dict[str, LogTail] = {}

    def read(self) -> list[str]:
        """Return the lines that have come since the last read."""
        for job in self._batch.describe_jobs(jobs=self._ids)["jobs"]:
            for container in (*(attempt["container"] for attempt in job["attempts"]), job.get("container", {})):
                if stream := container.get("logStreamName"):
                    self._tails.setdefault(stream, LogTail(self._logs, self._group, stream))
        return [line for tail in self._tails.values() for line in tail.read()]


def _overrides(contract: PoolContract, variables: dict[str, str]) -> dict[str, Any]:
    environment = {"environment": [{"name": name, "value": value} for name, value in variables.items()]}
    if contract.nodes == 1:
        return {"containerOverrides": environment}
    return {
        "nodeOverrides": {"nodePropertyOverrides": [{"targetNodes": "0:", "containerOverrides": environment}]},
    }


def _variables(site: Site, name: str, request: jobs.JobRequest) -> dict[str, str]:
    bucket = training_contract(site).artifact_bucket
    assignment = Assignment(
        job=name,
        hyperparameters=dict(request.hyperparameters),
        channels=dict(request.channels),
        checkpoints=f"s3://{bucket}/{request.checkpoints or f'checkpoints/{name}'}",
        output=_output(site, name),
        state=request.turn[0] if request.turn else None,
        attempt=request.turn[1] if request.turn else None,
    )
    # Nobody tells a container of Batch where it is.
    return {ASSIGNMENT_VARIABLE: assignment.written(), "AWS_DEFAULT_REGION": site.home_region.name}


def _output(site: Site, name: str) -> str:
    return f"s3://{training_contract(site).artifact_bucket}/jobs/{name}/output"
