"""A job's rate, its time-outs and its abort, minute by minute, without a clock."""

from datetime import UTC, datetime, timedelta
from typing import Any

from infra.localcloud.fleet_jobs import Job, counts, current, new_job, settle, update

START = datetime(2026, 1, 1, tzinfo=UTC)
THINGS = [f"thing-{number:02}" for number in range(20)]


def job(**given: Any) -> Job:
    return new_job({"jobId": "update", "targets": ["arn:group"], **given}, "arn:job", START)


def minute(number: float) -> datetime:
    return START + timedelta(minutes=number)


def finish(one: Job, things: list[str], status: str, at: float = 0) -> None:
    for thing in things:
        run = current(one, thing)
        assert run
        update(one, run, {"status": status}, minute(at))


def told(one: Job) -> int:
    return len(one["_executions"])


def test_a_constant_rate_is_so_many_in_each_minute() -> None:
    one = job(jobExecutionsRolloutConfig={"maximumPerMinute": 5})
    seen = []
    for at in (0, 0.5, 1, 1.9, 3, 10):
        settle(one, THINGS, minute(at))
        seen.append(told(one))
    assert seen == [5, 5, 10, 10, 20, 20]


def test_an_exponential_rate_grows_with_each_success_and_up_to_the_most() -> None:
    criteria = {"numberOfSucceededThings": 2}
    rate = {"baseRatePerMinute": 2, "incrementFactor": 2.0, "rateIncreaseCriteria": criteria}
    one = job(jobExecutionsRolloutConfig={"exponentialRate": rate, "maximumPerMinute": 6})
    settle(one, THINGS, minute(0))
    settle(one, THINGS, minute(1))
    assert told(one) == 4
    finish(one, THINGS[:2], "SUCCEEDED", 1)
    settle(one, THINGS, minute(2))
    assert told(one) == 4 + 2 + 4  # What the growth leaves of the second minute, and the third.
    finish(one, THINGS[2:8], "SUCCEEDED", 2)
    settle(one, THINGS, minute(3))
    assert told(one) == 10 + 2 + 6


def test_without_a_rate_all_are_told_and_a_snapshot_ends_with_its_last_thing() -> None:
    one = job()
    settle(one, THINGS[:3], minute(0))
    assert counts(one)["numberOfQueuedThings"] == 3
    settle(one, THINGS, minute(1))
    assert told(one) == 3, "a snapshot looks at its group once"
    finish(one, THINGS[:2], "SUCCEEDED", 1)
    finish(one, THINGS[2:3], "REJECTED", 1)
    settle(one, THINGS, minute(2))
    assert (one["status"], one["completedAt"]) == ("COMPLETED", minute(2))


def test_a_continuous_job_finds_things_that_join_later_and_does_not_end() -> None:
    one = job(targetSelection="CONTINUOUS")
    settle(one, THINGS[:1], minute(0))
    finish(one, THINGS[:1], "SUCCEEDED")
    settle(one, THINGS[:2], minute(1))
    assert [current(one, thing)["status"] for thing in THINGS[:2]] == ["SUCCEEDED", "QUEUED"]  # type: ignore[index]
    assert one["status"] == "IN_PROGRESS"


def test_who_is_too_slow_is_timed_out_and_tries_again_as_often_as_allowed() -> None:
    retries = {"criteriaList": [{"failureType": "TIMED_OUT", "numberOfRetries": 1}]}
    one = job(timeoutConfig={"inProgressTimeoutInMinutes": 10}, jobExecutionsRetryConfig=retries)
    settle(one, THINGS[:1], minute(0))
    finish(one, THINGS[:1], "IN_PROGRESS", 1)
    settle(one, (), minute(10.5))
    assert current(one, THINGS[0])["status"] == "IN_PROGRESS"  # type: ignore[index]
    settle(one, (), minute(11))
    again = current(one, THINGS[0])
    assert again
    assert (again["executionNumber"], again["status"]) == (2, "QUEUED")
    finish(one, THINGS[:1], "IN_PROGRESS", 12)
    settle(one, (), minute(30))
    assert [run["status"] for run in one["_executions"][THINGS[0]]] == ["TIMED_OUT", "TIMED_OUT"]
    assert one["status"] == "COMPLETED"


def test_a_step_has_a_time_of_its_own() -> None:
    one = job(timeoutConfig={"inProgressTimeoutInMinutes": 60})
    settle(one, THINGS[:1], minute(0))
    run = current(one, THINGS[0])
    assert run
    update(one, run, {"status": "IN_PROGRESS", "stepTimeoutInMinutes": 5}, minute(0))
    update(one, run, {"stepTimeoutInMinutes": 5, "statusDetails": {"step": "2"}}, minute(4))
    settle(one, (), minute(8))
    assert (run["status"], run["statusDetails"]) == ("IN_PROGRESS", {"detailsMap": {"step": "2"}})
    settle(one, (), minute(9))
    assert run["status"] == "TIMED_OUT"


def test_failures_past_the_threshold_abort_the_job_once_enough_are_done() -> None:
    criterion = {"action": "CANCEL", "failureType": "ALL", "minNumberOfExecutedThings": 4, "thresholdPercentage": 50.0}
    one = job(abortConfig={"criteriaList": [criterion]}, jobExecutionsRolloutConfig={"maximumPerMinute": 10})
    settle(one, THINGS, minute(0))
    finish(one, THINGS[:3], "FAILED")
    settle(one, (), minute(0))
    assert one["status"] == "IN_PROGRESS", "three are not enough to judge by"
    finish(one, THINGS[9:10], "IN_PROGRESS")
    finish(one, THINGS[3:4], "SUCCEEDED")
    settle(one, (), minute(0.5))
    assert one["status"] == "CANCELED"
    found = counts(one)
    assert (found["numberOfFailedThings"], found["numberOfCanceledThings"], found["numberOfInProgressThings"]) == (
        3,
        5,
        1,
    )
    settle(one, THINGS, minute(9))
    assert told(one) == 10, "nobody else is told of a job that ended"


def test_a_criterion_counts_its_own_kind_of_failure_only() -> None:
    criterion = {
        "action": "CANCEL",
        "failureType": "FAILED",
        "minNumberOfExecutedThings": 2,
        "thresholdPercentage": 60.0,
    }
    one = job(abortConfig={"criteriaList": [criterion]})
    settle(one, THINGS[:4], minute(0))
    finish(one, THINGS[:2], "REJECTED")
    finish(one, THINGS[2:3], "FAILED")
    settle(one, (), minute(1))
    assert one["status"] == "IN_PROGRESS"
