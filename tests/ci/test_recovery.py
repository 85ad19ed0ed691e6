"""Runs that outlive their machines: what is decided next, and what is kept of a run where all can see it."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest
from moto import mock_aws

from ci.recovery.keeper import Ended, NotThere, Status, look_after
from ci.recovery.rules import Done, GiveUp, Rules, Start, decide
from ci.recovery.s3_store import S3Store
from ci.recovery.sagemaker_jobs import outcome_of
from ci.recovery.state import ENDING_SECONDS, Attempt, Outcome, Purchase, RunState
from ci.s3_record import ChangedError
from tests.ml.faulty_s3 import BUCKET, serving

RULES = Rules(hourly_usd=1.0, most_usd=4.0, reclaims_before_on_demand=2, most_failures=2, most_seconds=3600)


# What spot costs of the price on demand, so that so many of its seconds are billed.
SHARE = 0.4


def after(*ends: tuple[Outcome, float], rules: Rules = RULES) -> RunState:
    """A run whose attempts ended so."""
    state = RunState()
    for outcome, seconds in ends:
        decision = decide(state, rules)
        assert isinstance(decision, Start)
        share = SHARE if decision.attempt.purchase is Purchase.SPOT else 1.0
        state = state.begun(decision.attempt).ended(decision.attempt.number, outcome, seconds, seconds * share)
    return state


def test_a_run_begins_on_spot_with_its_number_as_fence() -> None:
    assert decide(RunState(), RULES) == Start(
        Attempt(number=1, purchase=Purchase.SPOT, hourly_usd=1.0, limit_seconds=3600)
    )


def test_after_some_reclaims_it_goes_on_demand_and_reclaims_count_as_no_failures() -> None:
    decision = decide(after((Outcome.RECLAIMED, 60), (Outcome.RECLAIMED, 60)), RULES)
    assert isinstance(decision, Start)
    assert decision.attempt.purchase is Purchase.ON_DEMAND
    assert decision.attempt.number == 3


def test_it_gives_up_on_a_run_that_fails_and_says_why() -> None:
    decision = decide(after((Outcome.FAILED, 60), (Outcome.RECLAIMED, 60), (Outcome.FAILED, 60)), RULES)
    assert decision == GiveUp("it failed 2 times, and most_failures=2")


def test_where_nothing_can_be_had_on_demand_it_stays_on_spot() -> None:
    rules = RULES.model_copy(update={"reclaims_before_on_demand": None})
    decision = decide(after(*[(Outcome.RECLAIMED, 60)] * 5, rules=rules), rules)
    assert isinstance(decision, Start)
    assert decision.attempt.purchase is Purchase.SPOT


def test_an_attempt_gets_no_more_time_than_is_left_to_pay_for_at_the_price_on_demand() -> None:
    state = after((Outcome.RECLAIMED, 3600), (Outcome.RECLAIMED, 3600))  # 0.8 of 4 dollars: spot bills less seconds
    tight = RULES.model_copy(update={"most_usd": 1.0})
    decision = decide(state, tight)
    assert isinstance(decision, Start)
    assert decision.attempt.limit_seconds == 720 - 1 - ENDING_SECONDS  # 0.2 dollars at 1 an hour, rounded down
    spent = decide(state, RULES.model_copy(update={"most_usd": 0.81}))
    assert isinstance(spent, GiveUp)
    assert "$0.80 of most_usd=0.81 are spent, and what is left buys 0 s" in spent.reason


def test_time_that_ran_out_is_a_failure_only_where_it_was_all_that_a_job_may_have() -> None:
    late = (Outcome.OUT_OF_TIME, 3600.0)
    assert decide(after(late, late), RULES) == GiveUp("it failed 2 times, and most_failures=2")
    tight = RULES.model_copy(update={"most_usd": 1.0})
    state = after((Outcome.OUT_OF_TIME, 3300.0), (Outcome.OUT_OF_TIME, 1000.0), rules=tight)
    assert isinstance(decide(state, tight), Start), "money made their time short, and spot was cheaper than feared"


def test_the_file_of_a_run_tells_each_attempt_s_dollars() -> None:
    state = after((Outcome.RECLAIMED, 3600))
    assert '"usd":0.4' in state.model_dump_json()
    assert RunState.model_validate_json(state.model_dump_json()) == state


def test_an_end_is_final_however_often_and_late_it_is_told() -> None:
    state = after((Outcome.RECLAIMED, 60))
    assert state.ended(1, Outcome.SUCCEEDED, 99, 99) == state
    assert state.ended(7, Outcome.SUCCEEDED, 99, 99) == state


@mock_aws
def test_a_state_is_written_only_over_the_one_that_was_read() -> None:
    s3 = boto3.client("s3", "us-east-1", aws_access_key_id="test", aws_secret_access_key="test")
    s3.create_bucket(Bucket="artifacts")
    one, other = S3Store(s3, "artifacts", "run"), S3Store(s3, "artifacts", "run")
    empty, none = one.read()
    assert (empty, none) == (RunState(), "")
    begun = after((Outcome.RECLAIMED, 60))
    one.write(begun, none)
    with pytest.raises(ChangedError):
        other.write(RunState(), none)
    state, version = other.read()
    assert state == begun
    other.write(after((Outcome.RECLAIMED, 60), (Outcome.FAILED, 60)), version)
    with pytest.raises(ChangedError):
        one.write(begun, version)


class OneRoom:
    """A cloud in which every job is reclaimed at once, but for the third; it notes how many it was given at a time."""

    def __init__(self) -> None:
        self.submitted: list[int] = []
        self._lock = threading.Lock()

    def submit(self, attempt: Attempt) -> None:
        with self._lock:
            if attempt.number not in self.submitted:
                self.submitted.append(attempt.number)

    def status(self, attempt: Attempt) -> Status:
        if attempt.number not in self.submitted:
            return NotThere()
        return Ended(Outcome.SUCCEEDED if attempt.number == 3 else Outcome.RECLAIMED, 60.0, 60.0)


class AllAtOnce(S3Store):
    """Goes on from its first look only when all others have had theirs."""

    met: threading.Barrier | None = None

    def read(self) -> tuple[RunState, str]:
        found = super().read()
        if self.met:
            self.met.wait()
            self.met = None
        return found


def test_launchers_of_one_run_share_its_attempts() -> None:
    """Eight at once, over real HTTP: each attempt is begun by one of them, the others are refused and look again."""
    cloud, refused = OneRoom(), Counter[int]()
    with serving() as service:
        start = threading.Barrier(8)
        clients = [service.client() for _ in range(8)]

        def launch(number: int) -> RunState:
            store = AllAtOnce(clients[number], BUCKET, "run")
            store.met = start
            while True:
                try:
                    decision, state = look_after(store, cloud, RULES)
                except ChangedError:
                    refused[number] += 1
                    continue
                if isinstance(decision, Done):
                    return state

        with ThreadPoolExecutor(8) as pool:
            states = list(pool.map(launch, range(8)))
    assert sorted(cloud.submitted) == [1, 2, 3]
    assert {state.model_dump_json() for state in states} == {states[0].model_dump_json()}
    assert [attempt.outcome for attempt in states[0].attempts] == ["reclaimed", "reclaimed", "succeeded"]
    assert refused, "none was in another's way"


@pytest.mark.parametrize(
    ("job", "outcome"),
    [
        ({"TrainingJobStatus": "InProgress"}, None),
        ({"TrainingJobStatus": "Stopping"}, None),
        ({"TrainingJobStatus": "Completed"}, Outcome.SUCCEEDED),
        ({"TrainingJobStatus": "Failed", "FailureReason": "CapacityError: no ml.g5.xlarge"}, Outcome.RECLAIMED),
        ({"TrainingJobStatus": "Failed", "FailureReason": "AlgorithmError: , exit code: 143"}, Outcome.RECLAIMED),
        ({"TrainingJobStatus": "Failed", "FailureReason": "AlgorithmError: , exit code: 2"}, Outcome.FAILED),
        ({"TrainingJobStatus": "Stopped", "SecondaryStatus": "MaxWaitTimeExceeded"}, Outcome.RECLAIMED),
        ({"TrainingJobStatus": "Stopped", "SecondaryStatus": "MaxRuntimeExceeded"}, Outcome.OUT_OF_TIME),
        ({"TrainingJobStatus": "Stopped", "SecondaryStatus": "Stopped"}, Outcome.STOPPED),
    ],
)
def test_a_reclaim_is_told_from_a_failure(job: dict[str, str], outcome: Outcome | None) -> None:
    assert outcome_of(job) is outcome


@pytest.mark.parametrize("field", ["hourly_usd", "most_usd", "most_failures", "least_seconds"])
def test_rules_that_allow_nothing_are_refused(field: str) -> None:
    with pytest.raises(ValueError, match=field):
        Rules.model_validate({"hourly_usd": 1.0, "most_usd": 1.0, field: 0})
