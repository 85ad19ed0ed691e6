"""Runs that outlive their machines: no schedule of events loses one, runs it twice at once, or spends over its cap."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest
from hypothesis import settings
from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from moto import mock_aws

from ci.recovery.keeper import AtWork, ChangedError, Ended, NotThere, Status, Unknown, look_after
from ci.recovery.rules import Done, GiveUp, Rules, Start, Wait, decide
from ci.recovery.s3_store import S3Store
from ci.recovery.sagemaker_jobs import outcome_of
from ci.recovery.state import ENDING_SECONDS, Attempt, Outcome, Purchase, RunState
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


def billed(job: dict[str, Any]) -> float:
    """The seconds of a played job that are billed at the price on demand."""
    share: float = job["share"] if job["attempt"].purchase is Purchase.SPOT else 1.0
    return float(job["seconds"] * share)


class Keepers(RuleBasedStateMachine):
    """A cloud that answers late or not at all, and keepers that are cut off between any two of their steps."""

    def __init__(self) -> None:
        super().__init__()
        self.kept, self.version = RunState(), 0
        self.jobs: dict[int, dict[str, Any]] = {}
        self.silent = self.cut_before_write = self.cut_before_submit = False
        self.meddle, self.share = False, 1.0

    # What a keeper sees.
    def read(self) -> tuple[RunState, str]:
        return self.kept, str(self.version)

    def write(self, state: RunState, version: str) -> None:
        if self.cut_before_write:
            raise ConnectionError
        if self.meddle:  # Another keeper takes its whole turn between our reading and our writing.
            self.meddle = False
            look_after(self, self, RULES)
        if version != str(self.version):
            raise ChangedError
        self.kept, self.version = state, self.version + 1

    def submit(self, attempt: Attempt) -> None:
        if self.cut_before_submit:
            raise ConnectionError
        self.jobs.setdefault(attempt.number, {"attempt": attempt, "end": None, "seconds": 0, "share": self.share})

    def status(self, attempt: Attempt) -> Status:
        if self.silent:
            return Unknown()
        job = self.jobs.get(attempt.number)
        if job is None:
            return NotThere()
        return Ended(job["end"], job["seconds"], billed(job)) if job["end"] else AtWork()

    # What happens.
    @rule(cut=some.sampled_from(["", "before_write", "before_submit"]), meddle=some.booleans(), silent=some.booleans())
    def somebody_looks_after_it(self, cut: str, meddle: bool, silent: bool) -> None:
        self.meddle, self.silent = meddle, silent
        self.cut_before_write, self.cut_before_submit = cut == "before_write", cut == "before_submit"
        try:
            look_after(self, self, RULES)
        except (ChangedError, ConnectionError):
            pass
        finally:
            self.meddle = self.silent = self.cut_before_write = self.cut_before_submit = False

    @rule(seconds=some.integers(1, 4000), ending=some.integers(0, ENDING_SECONDS))
    def time_passes(self, seconds: int, ending: int) -> None:
        for job in self.running():
            job["seconds"] += seconds
            if job["seconds"] >= job["attempt"].limit_seconds:
                job["seconds"], job["end"] = job["attempt"].limit_seconds + ending, Outcome.OUT_OF_TIME

    @rule(share=some.floats(0.1, 1.0))
    def spot_has_another_price(self, share: float) -> None:
        self.share = share

    @rule(outcome=some.sampled_from([Outcome.RECLAIMED, Outcome.RECLAIMED, Outcome.FAILED, Outcome.SUCCEEDED]))
    @precondition(lambda self: self.running())
    def a_job_ends(self, outcome: Outcome) -> None:
        self.running()[0]["end"] = outcome

    def running(self) -> list[dict[str, Any]]:
        return [job for job in self.jobs.values() if job["end"] is None]

    @invariant()
    def it_never_runs_twice_at_once(self) -> None:
        assert len(self.running()) <= 1

    @invariant()
    def it_never_spends_over_its_cap(self) -> None:
        spent = sum(billed(job) * job["attempt"].hourly_usd / 3600 for job in self.jobs.values())
        assert spent <= RULES.most_usd + 1e-9
        assert self.kept.usd <= RULES.most_usd + 1e-9

    @invariant()
    def nothing_is_started_after_a_success(self) -> None:
        done = [number for number, job in self.jobs.items() if job["end"] is Outcome.SUCCEEDED]
        assert not done or max(self.jobs) == done[0]

    def teardown(self) -> None:
        """Whatever happened: keepers that are left in peace bring the run to an end, and to success if jobs succeed."""
        for _ in range(20):
            decision, _ = look_after(self, self, RULES)
            if isinstance(decision, Done | GiveUp):
                break
            for job in self.running():
                job["end"] = Outcome.SUCCEEDED
        assert isinstance(decision, Done | GiveUp)
        succeeded = any(job["end"] is Outcome.SUCCEEDED for job in self.jobs.values())
        assert isinstance(decision, Done) == succeeded


class PoolKeepers(Keepers):
    """A cloud that takes a second job of a name: what is submitted late must see for itself that its turn is over."""

    def __init__(self) -> None:
        super().__init__()
        self.hung: list[Attempt] = []
        self.late = self.impatient = self.arrives = False

    def write(self, state: RunState, version: str) -> None:
        if self.arrives and self.hung:  # What the keeper saw is past before it writes.
            self.what_hung_arrives()
        super().write(state, version)

    def submit(self, attempt: Attempt) -> None:
        if self.cut_before_submit:
            raise ConnectionError
        for job in self.running():
            job["end"] = Outcome.STOPPED
        if self.late:
            self.hung.append(attempt)
            raise ConnectionError
        self.begin(attempt)

    def begin(self, attempt: Attempt) -> None:
        assert attempt.number not in self.jobs, "nobody submits an attempt but who began it"
        newest = self.kept.attempts[-1]
        if newest.number == attempt.number and not newest.outcome:
            super().submit(attempt)

    def status(self, attempt: Attempt) -> Status:
        found = super().status(attempt)
        if isinstance(found, NotThere):
            return Ended(Outcome.RECLAIMED, 0.0, 0.0) if self.impatient else Unknown()
        return found

    @rule()
    def a_keeper_hangs_when_it_submits(self) -> None:
        self.late = True
        self.somebody_looks_after_it("", False, False)
        self.late = False

    @rule()
    @precondition(lambda self: self.hung)
    def what_hung_arrives(self) -> None:
        self.begin(self.hung.pop(0))

    @rule(impatient=some.booleans(), arrives=some.booleans())
    def patience_changes(self, impatient: bool, arrives: bool) -> None:
        self.impatient, self.arrives = impatient, arrives

    def teardown(self) -> None:
        self.impatient = True
        super().teardown()


TestKeepers, TestPoolKeepers = Keepers.TestCase, PoolKeepers.TestCase
TestKeepers.settings = TestPoolKeepers.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)


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

        def launch(number: int) -> RunState:
            store = AllAtOnce(service.client(), BUCKET, "run")
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


def test_silence_alone_starts_nothing() -> None:
    keepers = Keepers()
    assert isinstance(look_after(keepers, keepers, RULES)[0], Start)
    keepers.silent = True
    for _ in range(100):
        assert isinstance(look_after(keepers, keepers, RULES)[0], Wait)
    assert list(keepers.jobs) == [1]


@pytest.mark.parametrize("field", ["hourly_usd", "most_usd", "most_failures", "least_seconds"])
def test_rules_that_allow_nothing_are_refused(field: str) -> None:
    with pytest.raises(ValueError, match=field):
        Rules.model_validate({"hourly_usd": 1.0, "most_usd": 1.0, field: 0})
