"""A study's trials: no schedule of ends, prunes, failures and restarts exceeds a budget or runs a trial twice.

The cloud is played here, with a clock; Optuna and all that decides are the real ones.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from optuna.storages import InMemoryStorage, get_storage

from ci.errors import CommandError
from ci.progress import QUIET
from ci.recovery.keeper import AtWork, NotThere, Unknown
from ci.recovery.state import Outcome
from ci.tuning.budget import LEAST_SECONDS, Budget, Machine, Over, Start, Wait, decide
from ci.tuning.curve import Curve
from ci.tuning.study import Study
from ci.tuning.trial_jobs import Ended, Look
from ci.tuning.trials import ENDING_SECONDS, End, Plan, State, Stop, Trial
from ci.tuning.tuner import Tuner
from ml.training.search import Choice, LogUniform, Uniform, Whole

SEARCH = {
    "learning_rate": LogUniform(1e-4, 1e-1),
    "dropout": Uniform(0.0, 0.5),
    "layers": Whole(1, 4),
    "batch_size": Choice((16, 32)),
}
DEFAULTS = {"learning_rate": 1e-2, "dropout": 0.1, "layers": 2, "batch_size": 32}
MACHINE = Machine(hourly_usd=1.2, most_seconds=3600)
PARALLEL = 3


class Killed(BaseException):
    """The tuner's process is gone, between any two of its writes."""


class Storage(InMemoryStorage):
    """Optuna's own storage, which can be told to be the last thing that a process does."""

    writes_left = math.inf

    def _count(self) -> None:
        self.writes_left -= 1
        if self.writes_left < 0:
            raise Killed

    def create_new_trial(self, *given: Any, **named: Any) -> int:
        self._count()
        return super().create_new_trial(*given, **named)

    def set_trial_param(self, *given: Any) -> None:
        self._count()
        super().set_trial_param(*given)

    def set_trial_state_values(self, *given: Any, **named: Any) -> bool:
        self._count()
        return super().set_trial_state_values(*given, **named)

    def set_trial_user_attr(self, *given: Any) -> None:
        self._count()
        super().set_trial_user_attr(*given)

    def set_trial_intermediate_value(self, *given: Any) -> None:
        self._count()
        super().set_trial_intermediate_value(*given)

    def set_study_user_attr(self, *given: Any) -> None:
        self._count()
        super().set_study_user_attr(*given)


@dataclass
class Job:
    """A job of the played cloud."""

    values: dict[str, Any]
    limit: int
    seconds: float = 0.0
    stopping: bool = False
    end: tuple[Outcome, float | None] | None = None
    rungs: dict[int, float] = field(default_factory=dict)


class Cloud:
    """Jobs by trial, a cloud that is silent or full at times, and calls after which the tuner is killed."""

    def __init__(self) -> None:
        self.jobs: dict[int, Job] = {}
        self.silent = self.full = self.kill_before_submit = self.kill_after_submit = False

    def submit(self, trial: Trial) -> bool:
        if self.kill_before_submit:
            raise Killed
        if self.full:
            return False
        assert trial.plan
        if trial.number not in self.jobs:  # SageMaker takes a name once and for ever.
            assert [job.values for job in self.running()].count(dict(trial.values)) == 0
            self.jobs[trial.number] = Job(dict(trial.values), trial.plan.limit_seconds)
        if self.kill_after_submit:
            raise Killed
        return True

    def look(self, trial: Trial) -> Look:
        job = self.jobs.get(trial.number)
        if self.silent:
            return Look(Unknown())
        if job is None:
            return Look(NotThere())
        if job.end is None:
            return Look(AtWork(), job.rungs)
        outcome, accuracy = job.end
        return Look(Ended(outcome, End(seconds=job.seconds, accuracy=accuracy, reason="why")), job.rungs)

    def stop(self, trial: Trial) -> None:
        if (job := self.jobs.get(trial.number)) and not job.end:
            job.stopping = True

    def running(self) -> list[Job]:
        return [job for job in self.jobs.values() if job.end is None]

    def pass_time(self, seconds: float) -> None:
        """Each job ends at the very last moment that the cloud allows, if it does not end before."""
        for job in self.running():
            job.seconds = min(job.seconds + seconds, job.limit + ENDING_SECONDS)
            if job.seconds == job.limit + ENDING_SECONDS:
                job.end = (Outcome.FAILED, None)


def study_in(storage: InMemoryStorage, **facts: str) -> Study:
    return Study(storage, "study", SEARCH, DEFAULTS, facts=facts, run="run")


class Studies(RuleBasedStateMachine):
    """Tuners that are killed, interrupted and called again, on jobs that end as they like."""

    @initialize(
        trials=some.integers(1, 12), hours=some.floats(0.05, 4), usd=some.floats(0.05, 5), parallel=some.integers(1, 4)
    )
    def begin(self, trials: int, hours: float, usd: float, parallel: int) -> None:
        self.budget, self.parallel = Budget(trials=trials, hours=hours, usd=usd), parallel
        self.storage, self.cloud = Storage(), Cloud()
        self.tuner: Tuner | None = None
        self.ends: dict[int, Any] = {}

    def called(self) -> Tuner:
        self.tuner = self.tuner or Tuner(
            study_in(self.storage), self.cloud, self.budget, MACHINE, parallel=self.parallel, progress=QUIET
        )
        return self.tuner

    @rule(
        writes=some.one_of(some.just(math.inf), some.integers(0, 25)),
        kill=some.sampled_from(["", "", "before", "after"]),
        full=some.booleans(),
        silent=some.booleans(),
        interrupt=some.sampled_from([False, False, False, True]),
    )
    def somebody_tunes(self, writes: float, kill: str, full: bool, silent: bool, interrupt: bool) -> None:
        self.storage.writes_left = writes
        cloud = self.cloud
        cloud.full, cloud.silent = full, silent
        cloud.kill_before_submit, cloud.kill_after_submit = kill == "before", kill == "after"
        try:
            self.called().look()
            if interrupt:
                self.called().interrupt()
                self.tuner = None
        except Killed:
            self.tuner = None
        finally:
            self.storage.writes_left = math.inf
            cloud.full = cloud.silent = cloud.kill_before_submit = cloud.kill_after_submit = False

    @rule(seconds=some.integers(1, 5000))
    def time_passes(self, seconds: int) -> None:
        self.cloud.pass_time(seconds)

    @rule(value=some.floats(-2, 0) | some.just(math.nan), percent=some.sampled_from([25, 50, 75]))
    @precondition(lambda self: self.cloud.running())
    def a_job_comes_further(self, value: float, percent: int) -> None:
        self.cloud.running()[-1].rungs.setdefault(percent, value)

    @rule(outcome=some.sampled_from(list(Outcome)), accuracy=some.floats(0, 1), told=some.booleans())
    @precondition(lambda self: self.cloud.running())
    def a_job_ends(self, outcome: Outcome, accuracy: float, told: bool) -> None:
        job = self.cloud.running()[0]
        outcome = Outcome.STOPPED if job.stopping else outcome
        job.end = (outcome, accuracy if told and outcome is Outcome.SUCCEEDED else None)

    def known(self) -> Sequence[Trial]:
        return study_in(self.storage).trials()

    @invariant()
    def no_budget_is_exceeded(self) -> None:
        if not hasattr(self, "cloud"):
            return
        seconds = sum(job.seconds for job in self.cloud.jobs.values())
        assert len(self.cloud.jobs) <= self.budget.trials
        assert seconds <= self.budget.hours * 3600 + 1e-6
        assert seconds * MACHINE.hourly_usd / 3600 <= self.budget.usd + 1e-9
        # Nor could it be, if all that runs took all that it may.
        known = self.known()
        assert sum(trial.seconds for trial in known) <= self.budget.hours * 3600 + 1e-6
        assert sum(trial.usd for trial in known) <= self.budget.usd + 1e-9

    @invariant()
    def no_more_run_than_may(self) -> None:
        if hasattr(self, "cloud"):
            assert len(self.cloud.running()) <= self.parallel

    @invariant()
    def what_is_known_of_an_end_stays(self) -> None:
        if not hasattr(self, "cloud"):
            return
        for trial in self.known():
            if trial.state in {State.COMPLETE, State.PRUNED, State.FAILED}:
                assert self.ends.setdefault(trial.number, trial) == trial

    def teardown(self) -> None:
        """Whatever happened: a tuner left in peace ends, with every job of the study known and at its end."""
        if not hasattr(self, "cloud"):
            return
        self.storage.writes_left = math.inf
        for _ in range(200):
            if isinstance(self.called().look(), Over):
                break
            for job in self.cloud.running():
                job.end = (Outcome.STOPPED, None) if job.stopping else (Outcome.SUCCEEDED, 0.5)
        else:
            raise AssertionError("it does not end")
        known = {trial.number: trial for trial in self.known()}
        assert not self.cloud.running()
        assert set(self.cloud.jobs) <= set(known)
        assert all(known[number].values == job.values for number, job in self.cloud.jobs.items())
        assert not [trial for trial in known.values() if trial.state is State.RUNNING]
        if 0 in known:
            assert known[0].is_default
        again = [trial.number for trial in known.values() if trial.stop is Stop.INTERRUPTED]
        assert all(known[number].state is not State.PRUNED for number in again)


TestStudies = Studies.TestCase
TestStudies.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
