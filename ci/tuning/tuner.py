"""Carries a study out. It may die at any moment: what it does is written down before, and safe to do again.

A trial's values are drawn, then it gets its share of the budget, then its job is asked for by the trial's own name.
Who comes after a killed tuner finds each trial where it stood, and its job at work, ended, or never asked for.
"""

import time
from typing import Protocol

from ci.jobs import POLL_SECONDS
from ci.progress import Progress
from ci.recovery.keeper import AtWork, NotThere
from ci.recovery.state import Outcome
from ci.tuning.budget import Budget, Machine, Over, Start, decide
from ci.tuning.study import Study
from ci.tuning.trial_jobs import Ended, Look
from ci.tuning.trials import End, Plan, State, Stop, Trial

TOLD = {
    Stop.PRUNED: "worse than half of the others so far",
    Stop.INTERRUPTED: "interrupted; its values are tried again",
}


class Jobs(Protocol):
    """The cloud's jobs for this study, by trial."""

    def submit(self, trial: Trial) -> bool:
        """Create the trial's job, unless it is or was there; return False when there is no room for it now."""
        ...

    def look(self, trial: Trial) -> Look:
        """Return how the trial's job does."""
        ...

    def stop(self, trial: Trial) -> None:
        """Ask the trial's job to end; does nothing to one that is not at work."""
        ...


class Tuner:
    """Brings `study` as far as `budget` allows, `parallel` trials at a time."""

    def __init__(
        self, study: Study, jobs: Jobs, budget: Budget, machine: Machine, *, parallel: int, progress: Progress
    ) -> None:
        self._study, self._jobs, self._progress = study, jobs, progress
        self._budget, self._machine, self._parallel = budget, machine, parallel
        # What failed in an earlier call may have been mended since.
        self._since = len(study.trials())
        self._told_of_no_room = False

    def run(self) -> Over:
        """Look after the study until nothing runs and nothing more may. Ctrl-C stops the jobs that run."""
        try:
            while (over := self.look()) is None:
                time.sleep(POLL_SECONDS * self._parallel)
        except KeyboardInterrupt:
            self.interrupt()
            raise
        return over

    def look(self) -> Over | None:
        """Attend to each running trial once, then start as many as may be."""
        for trial in self._running():
            self._attend(trial)
        while True:
            decision = decide(
                self._study.trials(), self._budget, self._machine, parallel=self._parallel, since=self._since
            )
            if not isinstance(decision, Start):
                return decision if isinstance(decision, Over) else None
            if not self._begin(decision.plan):
                return None

    def interrupt(self) -> None:
        """Ask the jobs of all running trials to end; the next call settles what became of them."""
        for trial in self._running():
            if not trial.stop:
                self._study.mark(trial, Stop.INTERRUPTED)
            self._jobs.stop(trial)
            self._progress.say(f"Trial {trial.number}: stopping its job.")

    def _running(self) -> list[Trial]:
        return [trial for trial in self._study.trials() if trial.state is State.RUNNING]

    def _begin(self, plan: Plan) -> bool:
        trial = self._study.plan(self._study.ask(), plan)
        values = ", ".join(f"{name} {shown(value)}" for name, value in trial.values.items())
        self._progress.say(f"Trial {trial.number}: {values} (at most {plan.limit_seconds} s).")
        return self._submit(trial)

    def _submit(self, trial: Trial) -> bool:
        there = self._jobs.submit(trial)
        if not there and not self._told_of_no_room:
            self._progress.say(f"Trial {trial.number}: the account's limits leave no room for its job now; waiting.")
        self._told_of_no_room = not there
        return there

    def _attend(self, trial: Trial) -> None:
        look = self._jobs.look(trial)
        worse = self._study.reached(trial, look.rungs)
        match look.status:
            case Ended(outcome, end):
                self._settle(trial, outcome, end)
            case NotThere() if trial.stop:
                self._settle(trial, Outcome.STOPPED, End())
            case NotThere():
                self._submit(trial)
            # The recipe's own values are what all others are held against: they always get to their end.
            case AtWork() if trial.stop or (worse and not trial.is_default):
                if not trial.stop:
                    self._study.mark(trial, Stop.PRUNED)
                    self._progress.say(f"Trial {trial.number}: {TOLD[Stop.PRUNED]}; stopping it.")
                self._jobs.stop(trial)

    def _settle(self, trial: Trial, outcome: Outcome, end: End) -> None:
        state = State.FAILED
        if outcome is Outcome.SUCCEEDED and end.accuracy is not None:
            state = State.COMPLETE
        elif outcome is Outcome.SUCCEEDED:
            end = end.model_copy(update={"reason": "its log told no final accuracy"})
        elif outcome is Outcome.STOPPED and trial.stop:
            state = State.PRUNED if trial.stop is Stop.PRUNED else State.FAILED
            end = end.model_copy(update={"reason": TOLD[trial.stop]})
        self._study.end(trial, state, end)
        found = f"accuracy {end.accuracy:.4f}" if end.accuracy is not None else end.reason
        self._progress.say(f"Trial {trial.number}: {state}, {found}, {end.seconds:.0f} s.")


def shown(value: object) -> str:
    """Return a value as a person reads it: three figures are enough to see where it lies."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)
