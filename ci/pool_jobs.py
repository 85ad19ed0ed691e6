"""Training on a GPU pool: AWS Batch jobs, on one machine or on several side by side, followed to their end."""

import time
from collections import deque
from typing import Any

from ci import jobs
from ci.contracts import pool_contract, training_contract
from ci.errors import CommandError, JobError
from ci.log_tail import LogTail
from ci.progress import Progress
from ci.site import Site
from infra.spec.contract import PoolContract
from ml.contract import ASSIGNMENT_VARIABLE, MODEL_ARCHIVE
from ml.launchers.assignment import Assignment

ENDED = ("SUCCEEDED", "FAILED")


def start(site: Site, pool: str, request: jobs.JobRequest) -> tuple[str, str]:
    """Submit the job to the pool's queue; return its name and Batch's id."""
    contract = pool_contract(site, pool)
    name = request.name or jobs.new_name(site, request.kind, request.model)
    tags = {tag["Key"]: tag["Value"] for tag in jobs.tags(site, component="training", model=request.model)}
    call: dict[str, Any] = {
        "jobName": name,
        "jobQueue": contract.queue_arns[0],
        "jobDefinition": contract.job_definition_arn,
        "tags": tags,
        "propagateTags": True,
        **_overrides(contract, _variables(site, name, request)),
    }
    if contract.fair_shares:
        call["shareIdentifier"] = _share(pool, request, contract)
    return name, site.client("batch").submit_job(**call)["jobId"]


def follow(site: Site, pool: str, name: str, id: str, progress: Progress) -> dict[str, Any]:
    """Say the job's log lines as they come, of all its machines, and return its description once it has succeeded.

    Raises `JobError` with the reason and the log's tail when it ends otherwise. Ctrl-C ends the job.
    """
    batch, log = site.client("batch"), _Log(site, pool_contract(site, pool))
    status, last = "", deque[str](maxlen=jobs.TAIL_LINES)
    try:
        while status not in ENDED:
            (job,) = batch.describe_jobs(jobs=[id])["jobs"]
            if job["status"] != status:
                status = job["status"]
                progress.say(f"Job {name} is {status}.")
            for line in log.read(batch, id):
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
        rule=f"is how it ended: {job.get('statusReason', 'no reason given')}, exit code {_exit_code(job)}",
        fix=f"mend what its log says (log group {log.group}), then train again; its checkpoints are kept",
        details=list(last),
    )


def artifact(site: Site, name: str) -> str:
    """Return the S3 address of what the job left."""
    return f"{_output(site, name)}/{MODEL_ARCHIVE}"


class _Log:
    """The lines of all machines and all attempts of one job: each has a stream of its own."""

    def __init__(self, site: Site, contract: PoolContract) -> None:
        self.group, self._logs, self._nodes = contract.log_group, site.client("logs"), contract.nodes
        self._tails: dict[str, LogTail] = {}

    def read(self, batch: Any, id: str) -> list[str]:
        asked = [id] if self._nodes == 1 else [f"{id}#{node}" for node in range(self._nodes)]
        for job in batch.describe_jobs(jobs=asked)["jobs"]:
            for container in (*(attempt["container"] for attempt in job["attempts"]), job.get("container", {})):
                if stream := container.get("logStreamName"):
                    self._tails.setdefault(stream, LogTail(self._logs, self.group, stream))
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
    )
    # Nobody tells a container of Batch where it is.
    return {ASSIGNMENT_VARIABLE: assignment.written(), "AWS_DEFAULT_REGION": site.home_region.name}


def _output(site: Site, name: str) -> str:
    return f"s3://{training_contract(site).artifact_bucket}/jobs/{name}/output"


def _share(pool: str, request: jobs.JobRequest, contract: PoolContract) -> str:
    if request.share in contract.fair_shares:
        return str(request.share)
    raise CommandError(
        thing=f"pool {pool!r}",
        value=f"--share {request.share}" if request.share else "a job without --share",
        rule="shares its machines, and must know whose share a job is",
        fix=f"give --share {' or --share '.join(contract.fair_shares)}",
    )


def _exit_code(job: dict[str, Any]) -> str:
    return str(job.get("container", {}).get("exitCode", "unknown"))
