"""No schedule of ends, prunes, failures, kills and restarts exceeds a budget or runs a trial twice.

The cloud is played, with a clock; Optuna and all that decides are the real ones.
"""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from hypothesis import settings
from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ci.progress import QUIET
from ci.recovery.state import Outcome
from ci.tuning.budget import Budget, Over
from ci.tuning.trials import State, Stop, Trial
from ci.tuning.tuner import Tuner
from tests.ci.played_trials import MACHINE, Cloud, Killed, Storage, study_in


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

    @rule(value=some.floats(-2, 0), percent=some.sampled_from([25, 50, 75]))
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
    def no_trial_is_lost_and_none_is_done_twice(self) -> None:
        if not hasattr(self, "cloud"):
            return
        found = study_in(self.storage).optuna.get_trials(deepcopy=False)
        assert sum(trial.state.name == "RUNNING" and "plan" not in trial.user_attrs for trial in found) <= 1
        # Values are drawn twice by nobody, so equal ones are those of an interrupted trial that is tried again.
        tried = Counter(str(trial.values) for trial in self.known())
        again = Counter(str(trial.values) for trial in self.known() if trial.stop is Stop.INTERRUPTED)
        assert all(times <= 1 + again[values] for values, times in tried.items())

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
