"""What to do next for a run: a function of what is known, and of nothing else."""

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from ci.recovery.state import ENDING_SECONDS, Attempt, Outcome, Purchase, RunState


class Rules(BaseModel):
    """How much a run may lose and spend. `most_seconds` bounds one attempt; below `least_seconds` none is worth it.

    `hourly_usd` is the price on demand of the dearest machine that it may get; `reclaims_before_on_demand` is None
    where nothing can be had on demand.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    hourly_usd: float = Field(gt=0)
    most_usd: float = Field(gt=0)
    reclaims_before_on_demand: int | None = Field(default=3, ge=0)
    most_failures: int = Field(default=2, ge=1)
    most_seconds: int = Field(default=4 * 3600, ge=60)
    least_seconds: int = Field(default=60, ge=1)


@dataclass(frozen=True)
class Wait:
    """An attempt is, or may be, at work. However long its status is silent: nothing is started beside it."""

    attempt: Attempt


@dataclass(frozen=True)
class Start:
    """Begin this attempt."""

    attempt: Attempt


@dataclass(frozen=True)
class Done:
    """The run has its model."""


@dataclass(frozen=True)
class GiveUp:
    """The run ends without one."""

    reason: str


Decision = Wait | Start | Done | GiveUp


def decide(state: RunState, rules: Rules) -> Decision:
    """Return the next thing to do."""
    if state.count(Outcome.SUCCEEDED):
        return Done()
    if state.open:
        return Wait(state.open)
    if state.count(Outcome.STOPPED):
        return GiveUp("it was stopped by hand")
    if (failures := _failures(state, rules)) >= rules.most_failures:
        return GiveUp(f"it failed {failures} times, and most_failures={rules.most_failures}")
    enough = rules.reclaims_before_on_demand
    on_demand = enough is not None and state.count(Outcome.RECLAIMED) >= enough
    purchase = Purchase.ON_DEMAND if on_demand else Purchase.SPOT
    # Whole seconds, rounded down: the last cent stays unspent rather than one too many spent.
    affordable = int((rules.most_usd - state.usd) / rules.hourly_usd * 3600) - ENDING_SECONDS
    if affordable < rules.least_seconds:
        spent = f"${state.usd:.2f} of most_usd={rules.most_usd:.2f} are spent"
        left = f"what is left buys {max(0, affordable)} s and the {ENDING_SECONDS} s that a job may take to end"
        return GiveUp(f"{spent}, and {left}; an attempt takes {rules.least_seconds} s at least")
    limit = min(rules.most_seconds, affordable)
    number = len(state.attempts) + 1
    return Start(Attempt(number=number, purchase=purchase, hourly_usd=rules.hourly_usd, limit_seconds=limit))


def _failures(state: RunState, rules: Rules) -> int:
    """Count what speaks against the run: not that an attempt's time was short because money was."""
    late = [attempt for attempt in state.attempts if attempt.outcome is Outcome.OUT_OF_TIME]
    return state.count(Outcome.FAILED) + sum(attempt.limit_seconds >= rules.most_seconds for attempt in late)
