"""Whether another trial may start, and how long it may run: a function of what is known, and of nothing else."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from ci.recovery.state import ENDING_SECONDS
from ci.tuning.trials import Plan, State, Trial

# A shorter job could hardly load its data.
LEAST_SECONDS = 60
# So many failures and nothing else say that the fault is not in the values.
MOST_FAILURES = 3


class Budget(BaseModel):
    """What a study may take. `hours` are those of machines, added up over trials that run side by side."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    trials: int = Field(ge=1)
    hours: float = Field(gt=0)
    usd: float = Field(gt=0)


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What a trial runs on: its price, and the longest that the platform lets a job run."""

    hourly_usd: float
    most_seconds: int


@dataclass(frozen=True)
class Start:
    """Begin one more trial, so."""

    plan: Plan


@dataclass(frozen=True)
class Wait:
    """Look again when something has changed."""


@dataclass(frozen=True)
class Over:
    """Nothing runs and nothing more may."""

    reason: str


def decide(
    trials: Sequence[Trial], budget: Budget, machine: Machine, *, parallel: int, since: int = 0
) -> Start | Wait | Over:
    """Return what to do next; only trials from number `since` on count as evidence that all will fail.

    A running trial counts with all that it may still take, so whatever becomes of it, the budget holds.
    """
    started = [trial for trial in trials if trial.plan]
    running = sum(trial.state is State.RUNNING for trial in started)
    fresh = [trial.state for trial in started if trial.number >= since]
    if fresh.count(State.FAILED) >= MOST_FAILURES and State.COMPLETE not in fresh:
        return _none(f"{fresh.count(State.FAILED)} trials failed and none completed", running)
    if len(started) >= budget.trials:
        return _none(f"no trial is left of {budget.trials}", running)
    seconds = _left(started, budget, machine)
    # Less than the longest so far would most likely be spent for nothing.
    longest = max((trial.seconds for trial in started if trial.state is State.COMPLETE), default=0.0)
    need = min(machine.most_seconds, max(LEAST_SECONDS, math.ceil(longest)))
    if seconds < need + ENDING_SECONDS:
        left = f"what is left buys {max(0, math.floor(seconds))} machine seconds"
        return _none(f"{left}, and a trial may take {need} and {ENDING_SECONDS} more to end", running)
    slots = min(parallel - running, budget.trials - len(started))
    if slots < 1:
        return Wait()
    share = max(need, math.floor(seconds / slots) - ENDING_SECONDS)
    return Start(Plan(limit_seconds=min(machine.most_seconds, share), hourly_usd=machine.hourly_usd))


def _left(started: Sequence[Trial], budget: Budget, machine: Machine) -> float:
    """Return the machine seconds that hours and dollars both still allow."""
    by_hours = budget.hours * 3600 - sum(trial.seconds for trial in started)
    by_usd = (budget.usd - sum(trial.usd for trial in started)) / machine.hourly_usd * 3600
    return min(by_hours, by_usd)


def _none(reason: str, running: int) -> Wait | Over:
    return Wait() if running else Over(reason)
