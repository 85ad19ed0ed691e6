"""What is known of a trial. Frozen; read off the study's storage, and never kept anywhere else."""

from collections.abc import Mapping
from enum import StrEnum

from ci.recovery.state import ENDING_SECONDS
from ci.result import Result
from ml.training.search import Value


class State(StrEnum):
    """`waiting`: its values are drawn and it has no share of the budget yet."""

    WAITING = "waiting"
    RUNNING = "running"
    COMPLETE = "complete"
    PRUNED = "pruned"
    FAILED = "failed"


class Stop(StrEnum):
    """Why the tuner stops a trial's job; written down before the job hears of it."""

    PRUNED = "pruned"
    INTERRUPTED = "interrupted"


class Plan(Result):
    """What a trial's job may take; written down before the job is asked for."""

    limit_seconds: int
    hourly_usd: float


class End(Result):
    """How a trial's job ended. `reason` is empty when it completed."""

    seconds: float = 0.0
    accuracy: float | None = None
    baseline_accuracy: float | None = None
    reason: str = ""


class Trial(Result):
    """One set of values, and the one job that tries it. `rungs`: percent of the run done → how it did there."""

    number: int
    values: Mapping[str, Value]
    is_default: bool
    state: State
    plan: Plan | None = None
    stop: Stop | None = None
    end: End | None = None
    rungs: Mapping[int, float]

    @property
    def seconds(self) -> float:
        """What its machine has run; until its job has ended, what it may still run."""
        if self.end:
            return self.end.seconds
        return self.plan.limit_seconds + ENDING_SECONDS if self.plan else 0.0

    @property
    def usd(self) -> float:
        """What that costs."""
        return self.seconds * self.plan.hourly_usd / 3600 if self.plan else 0.0
