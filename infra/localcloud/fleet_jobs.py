"""AWS IoT jobs as they run: who is told when, who was too slow, when too many failed. No clock and no wire in here.

A job is a plain dictionary with the members that DescribeJob shows, and with `_executions`: thing → its executions, the
current one last. `settle` brings a job to what it is at a moment; whoever looks at a job settles it first.
"""

import math
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

Job = dict[str, Any]
Execution = dict[str, Any]

UNDER_WAY = ("QUEUED", "IN_PROGRESS")
FAILURES = ("FAILED", "REJECTED", "TIMED_OUT")
ENDED = ("SUCCEEDED", *FAILURES, "REMOVED", "CANCELED")
FASTEST_PER_MINUTE = 1000
MINUTE = timedelta(minutes=1)


def new_job(given: Job, arn: str, now: datetime) -> Job:
    """A job that nobody has been told of."""
    job: Job = {"targetSelection": "SNAPSHOT", **given, "jobArn": arn, "status": "IN_PROGRESS", "forceCanceled": False}
    job |= {"createdAt": now, "lastUpdatedAt": now, "_waiting": [], "_executions": {}}
    return job | {"_minute": now, "_told_this_minute": 0}


def settle(job: Job, things: Iterable[str], now: datetime) -> None:
    """Bring a job to `now`. `things` are those that its targets name at this moment; a snapshot looks once."""
    if job["status"] != "IN_PROGRESS":
        return
    known = {*job["_executions"], *job["_waiting"]}
    if job["targetSelection"] == "CONTINUOUS" or not job.get("_looked"):
        job["_waiting"] += [thing for thing in sorted(set(things)) if thing not in known]
        job["_looked"] = True
    _end_the_slow(job, now)
    if _too_many_failed(job):
        cancel(job, now, comment="The abort criteria of the job were met", reason="ABORT_CRITERIA_MET")
        return
    _tell(job, now)
    ended = all(runs[-1]["status"] in ENDED for runs in job["_executions"].values())
    if job["targetSelection"] == "SNAPSHOT" and not job["_waiting"] and ended:
        job |= {"status": "COMPLETED", "completedAt": now, "lastUpdatedAt": now}


def current(job: Job, thing: str) -> Execution | None:
    """What a thing has to do with a job, or None when it was not told."""
    runs: list[Execution] = job["_executions"].get(thing, [])
    return runs[-1] if runs else None


def update(job: Job, execution: Execution, changes: dict[str, Any], now: datetime) -> None:
    """Note what a device says: `status`, `statusDetails`, `stepTimeoutInMinutes`, each only if it is there."""
    status = changes.get("status", execution["status"])
    if status == "IN_PROGRESS" and execution["status"] == "QUEUED":
        execution["startedAt"] = now
        if minutes := job.get("timeoutConfig", {}).get("inProgressTimeoutInMinutes"):
            execution["_deadline"] = now + minutes * MINUTE
    if minutes := changes.get("stepTimeoutInMinutes"):
        execution["_step_deadline"] = None if minutes == -1 else now + minutes * MINUTE
    if details := changes.get("statusDetails"):
        known = execution["statusDetails"]["detailsMap"]
        execution["statusDetails"] = {"detailsMap": {**known, **details}}
    execution |= {"status": status, "lastUpdatedAt": now, "versionNumber": execution["versionNumber"] + 1}
    if status in FAILURES:
        _try_again(job, execution, now)


def cancel(job: Job, now: datetime, *, comment: str = "", reason: str = "", force: bool = False) -> None:
    """Tell nobody else, and take it back from those who have not begun; with `force` from those who have, too."""
    taken_back = UNDER_WAY if force else ("QUEUED",)
    for runs in job["_executions"].values():
        if runs[-1]["status"] in taken_back:
            runs[-1] |= {"status": "CANCELED", "lastUpdatedAt": now, "versionNumber": runs[-1]["versionNumber"] + 1}
    job["_waiting"].clear()
    job |= {"status": "CANCELED", "completedAt": now, "lastUpdatedAt": now, "forceCanceled": force}
    job |= {key: text for key, text in (("comment", comment), ("reasonCode", reason)) if text}


def counts(job: Job) -> dict[str, int]:
    """How many things are where: the numbers of `jobProcessDetails`."""
    status = [runs[-1]["status"] for runs in job["_executions"].values()]
    names = {"IN_PROGRESS": "InProgress", "TIMED_OUT": "TimedOut"}
    return {f"numberOf{names.get(one, one.capitalize())}Things": status.count(one) for one in (*UNDER_WAY, *ENDED)}


def seconds_left(execution: Execution, now: datetime) -> int | None:
    """How long a device still has, if there is a limit."""
    ends = [end for end in (execution.get("_deadline"), execution.get("_step_deadline")) if end]
    return (
        max(0, math.ceil((min(ends) - now).total_seconds())) if ends and execution["status"] == "IN_PROGRESS" else None
    )


def _end_the_slow(job: Job, now: datetime) -> None:
    for runs in job["_executions"].values():
        left = seconds_left(runs[-1], now)
        if left == 0:
            update(job, runs[-1], {"status": "TIMED_OUT"}, now)


def _try_again(job: Job, execution: Execution, now: datetime) -> None:
    """Queue another execution where the job's retry criteria allow one."""
    criteria = job.get("jobExecutionsRetryConfig", {}).get("criteriaList", ())
    allowed = sum(one["numberOfRetries"] for one in criteria if one["failureType"] in (execution["status"], "ALL"))
    runs = job["_executions"][execution["_thing"]]
    if len(runs) <= allowed and job["status"] == "IN_PROGRESS":
        runs.append(_execution(job, execution["_thing"], len(runs) + 1, now))


def _too_many_failed(job: Job) -> bool:
    """Whether failures passed a threshold among the things that are done: retries under way are not."""
    status = [runs[-1]["status"] for runs in job["_executions"].values()]
    done = [one for one in status if one in ("SUCCEEDED", *FAILURES)]
    for criterion in job.get("abortConfig", {}).get("criteriaList", ()):
        kind = criterion["failureType"]
        failed = [one for one in done if one in FAILURES and kind in (one, "ALL")]
        enough = len(done) >= criterion["minNumberOfExecutedThings"]
        if enough and done and 100 * len(failed) / len(done) >= criterion["thresholdPercentage"]:
            return True
    return False


def _tell(job: Job, now: datetime) -> None:
    """Queue executions minute by minute, as many in each as the rate allows."""
    while job["_waiting"]:
        room = _per_minute(job) - job["_told_this_minute"]
        told, job["_waiting"] = job["_waiting"][: max(room, 0)], job["_waiting"][max(room, 0) :]
        for thing in told:
            job["_executions"][thing] = [_execution(job, thing, 1, max(job["_minute"], job["createdAt"]))]
        job["_told_this_minute"] += len(told)
        if job["_minute"] + MINUTE > now:
            return
        job |= {"_minute": job["_minute"] + MINUTE, "_told_this_minute": 0}


def _per_minute(job: Job) -> int:
    """The rate at this moment: it grows by its factor with each further so many successes or notifications."""
    config = job.get("jobExecutionsRolloutConfig", {})
    most = int(config.get("maximumPerMinute", FASTEST_PER_MINUTE))
    exponential = config.get("exponentialRate")
    if not exponential:
        return most
    criteria = exponential["rateIncreaseCriteria"]
    succeeded = counts(job)["numberOfSucceededThings"]
    steps = [
        reached // criteria[name]
        for name, reached in (
            ("numberOfNotifiedThings", len(job["_executions"])),
            ("numberOfSucceededThings", succeeded),
        )
        if name in criteria
    ]
    # 1000 a minute is the most there is: more steps than this change nothing.
    grown = exponential["baseRatePerMinute"] * exponential["incrementFactor"] ** min(max(steps), 100)
    return min(most, int(grown))


def _execution(job: Job, thing: str, number: int, now: datetime) -> Execution:
    return {
        "jobId": job["jobId"],
        "status": "QUEUED",
        "statusDetails": {"detailsMap": {}},
        "queuedAt": now,
        "lastUpdatedAt": now,
        "executionNumber": number,
        "versionNumber": 1,
        "_thing": thing,
    }
