"""A cloud that plays the jobs of a study, and a storage that can be the last thing that a tuner does."""

import math
from dataclasses import dataclass, field
from typing import Any

from optuna.storages import BaseStorage, InMemoryStorage

from ci.recovery.keeper import AtWork, NotThere, Unknown
from ci.recovery.state import ENDING_SECONDS, Outcome
from ci.tuning.budget import Machine
from ci.tuning.study import Study
from ci.tuning.trial_jobs import Ended, Look
from ci.tuning.trials import End, Trial
from ml.training.search import Choice, LogUniform, Uniform, Whole

SEARCH = {
    "learning_rate": LogUniform(1e-4, 1e-1),
    "dropout": Uniform(0.0, 0.5),
    "layers": Whole(1, 4),
    "batch_size": Choice((16, 32)),
}
DEFAULTS = {"learning_rate": 1e-2, "dropout": 0.1, "layers": 2, "batch_size": 32}
MACHINE = Machine(hourly_usd=1.2, most_seconds=3600)


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
        assert not trial.stop, "what was interrupted is not begun after all"
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


def study_in(storage: BaseStorage, **facts: str) -> Study:
    return Study(storage, "study", SEARCH, DEFAULTS, facts=facts, run="run")
