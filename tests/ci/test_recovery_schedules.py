"""No schedule of events loses a run, runs it twice at once, or spends over its cap: on played clouds of both kinds."""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ci.recovery.keeper import AtWork, Ended, NotThere, Status, Unknown, look_after
from ci.recovery.rules import Done, GiveUp, Rules, Start, Wait
from ci.recovery.state import ENDING_SECONDS, Attempt, Outcome, Purchase, RunState
from ci.s3_record import ChangedError

RULES = Rules(hourly_usd=1.0, most_usd=4.0, reclaims_before_on_demand=2, most_failures=2, most_seconds=3600)


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


def test_silence_alone_starts_nothing() -> None:
    keepers = Keepers()
    assert isinstance(look_after(keepers, keepers, RULES)[0], Start)
    keepers.silent = True
    for _ in range(100):
        assert isinstance(look_after(keepers, keepers, RULES)[0], Wait)
    assert list(keepers.jobs) == [1]
