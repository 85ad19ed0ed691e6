"""Ends what is left of bursts whose time is over, because whoever launched them is gone.

What costs most goes first, and what would not go keeps nothing else: it is named at the end, with why.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from ci.contracts import BURST
from ci.errors import WorkError
from ci.progress import QUIET, Progress
from ci.result import Result
from ci.site import Site
from infra.spec.contract import EXPIRES, PoolContract

SECONDS, POLL_SECONDS = 300.0, 0.5
_AT_ONCE = 8
# Batch's words for what was told to go already, and for what is at rest: INVALID is what it could not mend by itself.
_GOING, _AT_REST = ("DELETING", "DELETED"), ("VALID", "INVALID")


class Reaped(Result):
    """What was ended, in that order: holds on machines, queues, their machines, contracts."""

    ended: tuple[str, ...]


@dataclass(frozen=True)
class Part:
    """One thing of a burst: its tags say whose it is, `end` returns when it is gone."""

    name: str
    tags: Mapping[str, str]
    end: Callable[[], object]


def reap(site: Site, *, only: str | None = None, now: datetime | None = None, progress: Progress = QUIET) -> Reaped:
    """End all parts of bursts whose time is over by their tag, or of the burst `only`, whatever it says.

    Raises `WorkError` at the end where a part would not go, or where a kind of them could not be looked for.
    """
    over, ended, stuck = partial(_over, site, only, now or datetime.now(UTC)), [], []
    for kind, look in _KINDS.items():
        for part, outcome in _ended(kind, partial(look, site), over):
            if outcome is None:
                ended.append(part)
            else:
                stuck.append(f"{part}: {outcome}")
            progress.say(f"ended {part}" if outcome is None else f"{part} is still there: {outcome}")
    if stuck:
        value, fix = f"{len(stuck)} of {len(stuck) + len(ended)} parts", "mend what follows, then run this again"
        raise WorkError(thing=f"bursts of {site.name!r}", value=value, rule="would not go", fix=fix, details=stuck)
    return Reaped(ended=tuple(ended))


def _ended(
    kind: str, look: Callable[[], Iterator[Part]], over: Callable[[Part], bool]
) -> Iterator[tuple[str, str | None]]:
    """End all parts of a kind that are over, and yield each with why it is still there, or None where it is gone."""
    from botocore.exceptions import BotoCoreError, ClientError

    def end(part: Part) -> str | None:
        try:
            part.end()
        except (BotoCoreError, ClientError, WorkError) as error:
            return str(error)
        return None

    due: list[Part] = []
    try:
        for part in look():
            try:
                due += [part] if over(part) else []
            except WorkError as error:
                yield part.name, str(error)
    except (BotoCoreError, ClientError) as error:
        yield f"whatever there is of {kind}", str(error)
    # Side by side: each may take minutes, and one that hangs must not use up the time of the others.
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="reap") as pool:
        yield from zip([part.name for part in due], pool.map(end, due), strict=True)


def _over(site: Site, only: str | None, moment: datetime, part: Part) -> bool:
    own = {"project": site.environment.project, "environment": site.name}
    if not own.items() <= part.tags.items() or EXPIRES not in part.tags:
        return False
    if only:
        return part.tags.get("burst") == only
    told = part.tags[EXPIRES]
    try:
        return datetime.fromisoformat(told) <= moment
    except (ValueError, TypeError) as error:
        fix = f"end it by hand, or set the tag to a time such as {moment.isoformat(timespec='seconds')}"
        raise WorkError(thing=f"tag {EXPIRES}", value=repr(told), rule="is no time with a zone", fix=fix) from error


def _holds(site: Site) -> Iterator[Part]:
    ec2 = site.client("ec2")
    active = [{"Name": "state", "Values": ["active", "pending"]}]
    for page in ec2.get_paginator("describe_capacity_reservations").paginate(Filters=active):
        for hold in page["CapacityReservations"]:
            name = hold["CapacityReservationId"]
            end = partial(ec2.cancel_capacity_reservation, CapacityReservationId=name)
            yield Part(f"capacity reservation {name}", _tags(hold.get("Tags", ())), end)


def _queues(site: Site) -> Iterator[Part]:
    batch = site.client("batch")
    for page in batch.get_paginator("describe_job_queues").paginate():
        for queue in page["jobQueues"]:
            if queue["status"] != "DELETED":
                end = partial(remove_queue, batch, queue["jobQueueArn"])
                yield Part(f"queue {queue['jobQueueName']}", queue.get("tags", {}), end)


def _machines(site: Site) -> Iterator[Part]:
    batch = site.client("batch")
    for page in batch.get_paginator("describe_compute_environments").paginate():
        for found in page["computeEnvironments"]:
            if found["status"] != "DELETED":
                end = partial(remove_machines, batch, found["computeEnvironmentArn"])
                yield Part(f"compute environment {found['computeEnvironmentName']}", found.get("tags", {}), end)


def _contracts(site: Site) -> Iterator[Part]:
    ssm = site.client("ssm")
    begins = PoolContract.parameter_name(site.environment.project, site.name, BURST)
    named = [{"Key": "Name", "Option": "BeginsWith", "Values": [begins]}]
    for page in ssm.get_paginator("describe_parameters").paginate(ParameterFilters=named):
        for name in (parameter["Name"] for parameter in page["Parameters"]):
            try:
                tags = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=name)["TagList"]
            except ssm.exceptions.InvalidResourceId:
                # It went meanwhile.
                continue
            yield Part(f"parameter {name}", _tags(tags), partial(ssm.delete_parameter, Name=name))


# Holds cost from the moment they are there; machines wait for the queue over them to go.
_KINDS: Mapping[str, Callable[[Site], Iterator[Part]]] = {
    "capacity reservations": _holds,
    "queues": _queues,
    "compute environments": _machines,
    "parameters": _contracts,
}


def _tags(pairs: Sequence[Mapping[str, str]]) -> dict[str, str]:
    return {pair["Key"]: pair["Value"] for pair in pairs}


def remove_queue(batch: Any, arn: str) -> None:
    """Remove a queue with the jobs in it, and wait until it is gone."""
    _remove(
        lambda: batch.describe_job_queues(jobQueues=[arn])["jobQueues"],
        disable=partial(batch.update_job_queue, jobQueue=arn, state="DISABLED"),
        delete=partial(batch.delete_job_queue, jobQueue=arn),
        thing=arn,
    )


def remove_machines(batch: Any, arn: str) -> None:
    """Remove a compute environment that no queue has any more; its machines go with it."""
    _remove(
        lambda: batch.describe_compute_environments(computeEnvironments=[arn])["computeEnvironments"],
        disable=partial(batch.update_compute_environment, computeEnvironment=arn, state="DISABLED"),
        delete=partial(batch.delete_compute_environment, computeEnvironment=arn),
        thing=arn,
    )


Found = Callable[[], list[dict[str, Any]]]


def _remove(found: Found, *, disable: Callable[[], object], delete: Callable[[], object], thing: str) -> None:
    """Batch takes no change of what it is changing, and deletes only what is disabled."""
    deadline = time.monotonic() + SECONDS
    _wait(found, lambda one: one["status"] in _AT_REST + _GOING, thing, deadline)
    if any(one["status"] in _AT_REST for one in found()):
        disable()
        _wait(found, _is_off, thing, deadline)
        delete()
    _wait(found, lambda one: one["status"] == "DELETED", thing, deadline)


def _is_off(one: dict[str, Any]) -> bool:
    return one["status"] in _GOING or (one["status"] in _AT_REST and one["state"] == "DISABLED")


def _wait(found: Found, settled: Callable[[dict[str, Any]], bool], thing: str, deadline: float) -> None:
    while left := [one for one in found() if not settled(one)]:
        if time.monotonic() > deadline:
            said = ", ".join(f"{one['status']} ({one.get('statusReason', 'for no reason given')})" for one in left)
            fix = "look at it in the console, then run this again"
            raise WorkError(thing=thing, value=said, rule=f"is what it is after {SECONDS:.0f} s", fix=fix)
        time.sleep(POLL_SECONDS)
