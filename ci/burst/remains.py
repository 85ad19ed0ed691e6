"""Ends what is left of bursts whose time is over, because whoever launched them is gone."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from ci.contracts import BURST
from ci.errors import WorkError
from ci.progress import QUIET, Progress
from ci.result import Result
from ci.site import Site
from infra.spec.contract import EXPIRES, PoolContract

SECONDS, POLL_SECONDS = 300.0, 0.5


class Reaped(Result):
    """What was ended, in that order: queues, their machines, holds on machines, contracts."""

    ended: tuple[str, ...]


def reap(site: Site, *, only: str | None = None, now: datetime | None = None, progress: Progress = QUIET) -> Reaped:
    """End all parts of bursts whose time is over by their tag, or of the burst `only`, whatever it says."""
    moment = now or datetime.now(UTC)

    def over(tags: dict[str, str]) -> bool:
        own = {"project": site.environment.project, "environment": site.name}
        if not own.items() <= tags.items() or EXPIRES not in tags:
            return False
        return tags["burst"] == only if only else datetime.fromisoformat(tags[EXPIRES]) <= moment

    ended = []
    for thing in (*_queues(site, over), *_machines(site, over), *_holds(site, over), *_contracts(site, over)):
        progress.say(f"ended {thing}")
        ended.append(thing)
    return Reaped(ended=tuple(ended))


Over = Callable[[dict[str, str]], bool]


def _queues(site: Site, over: Over) -> Iterator[str]:
    batch = site.client("batch")
    for queue in batch.describe_job_queues()["jobQueues"]:
        if over(queue.get("tags", {})):
            remove_queue(batch, queue["jobQueueArn"])
            yield f"queue {queue['jobQueueName']}"


def _machines(site: Site, over: Over) -> Iterator[str]:
    batch = site.client("batch")
    for environment in batch.describe_compute_environments()["computeEnvironments"]:
        if over(environment.get("tags", {})):
            remove_machines(batch, environment["computeEnvironmentArn"])
            yield f"compute environment {environment['computeEnvironmentName']}"


def _holds(site: Site, over: Over) -> Iterator[str]:
    ec2 = site.client("ec2")
    active = [{"Name": "state", "Values": ["active", "pending"]}]
    for hold in ec2.describe_capacity_reservations(Filters=active)["CapacityReservations"]:
        if over({pair["Key"]: pair["Value"] for pair in hold.get("Tags", ())}):
            ec2.cancel_capacity_reservation(CapacityReservationId=hold["CapacityReservationId"])
            yield f"capacity reservation {hold['CapacityReservationId']}"


def _contracts(site: Site, over: Over) -> Iterator[str]:
    ssm = site.client("ssm")
    begins = PoolContract.parameter_name(site.environment.project, site.name, BURST)
    named = [{"Key": "Name", "Option": "BeginsWith", "Values": [begins]}]
    for page in ssm.get_paginator("describe_parameters").paginate(ParameterFilters=named):
        for parameter in page["Parameters"]:
            name = parameter["Name"]
            tags = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=name)["TagList"]
            if over({pair["Key"]: pair["Value"] for pair in tags}):
                ssm.delete_parameter(Name=name)
                yield f"parameter {name}"


def remove_queue(batch: Any, arn: str) -> None:
    """Remove a queue with the jobs in it, and wait until it is gone."""
    batch.update_job_queue(jobQueue=arn, state="DISABLED")
    _wait(lambda: all(one["status"] == "VALID" for one in batch.describe_job_queues(jobQueues=[arn])["jobQueues"]), arn)
    batch.delete_job_queue(jobQueue=arn)
    _wait(lambda: not _left(batch.describe_job_queues(jobQueues=[arn])["jobQueues"]), arn)


def remove_machines(batch: Any, arn: str) -> None:
    """Remove a compute environment that no queue has any more; its machines go with it."""

    def found() -> list[dict[str, Any]]:
        return list(batch.describe_compute_environments(computeEnvironments=[arn])["computeEnvironments"])

    batch.update_compute_environment(computeEnvironment=arn, state="DISABLED")
    _wait(lambda: all(one["status"] == "VALID" for one in found()), arn)
    batch.delete_compute_environment(computeEnvironment=arn)
    _wait(lambda: not _left(found()), arn)


def _left(found: list[dict[str, Any]]) -> bool:
    return any(one["status"] != "DELETED" for one in found)


def _wait(condition: Callable[[], bool], thing: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > deadline:
            fix = "look at it in the console, then run this again"
            raise WorkError(thing=thing, value=f"{SECONDS:.0f} s", rule="were not enough to end it", fix=fix)
        time.sleep(POLL_SECONDS)
