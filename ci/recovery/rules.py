"""What to do next for a run: a function of what is known, and of nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from ci.recovery.state import Attempt, Outcome, Purchase, RunState


class Rules(BaseModel):
    """How much a run may lose and spend. `most_seconds` bounds one attempt; below `least_seconds` none is worth it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    hourly_usd: Mapping[Purchase, float]
    most_usd: float = Field(gt=0)
    reclaims_before_on_demand: int = Field(default=3, ge=0)
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
    if (failures := state.count(Outcome.FAILED)) >= rules.most_failures:
        return GiveUp(f"it failed {failures} times, and most_failures={rules.most_failures}")
    reclaimed_often = state.count(Outcome.RECLAIMED) >= rules.reclaims_before_on_demand
    purchase = Purchase.ON_DEMAND if reclaimed_often else Purchase.SPOT
    hourly = rules.hourly_usd[purchase]
    # Whole seconds, rounded down: the last cent stays unspent rather than one too many spent.
    affordable = int((rules.most_usd - state.usd) / hourly * 3600)
    if affordable < rules.least_seconds:
        spent = f"${state.usd:.2f} of most_usd={rules.most_usd:.2f} are spent"
        return GiveUp(f"{spent}, and what is left buys {max(0, affordable)} s of {purchase}")
    limit = min(rules.most_seconds, affordable)
    return Start(Attempt(number=len(state.attempts) + 1, purchase=purchase, hourly_usd=hourly, limit_seconds=limit))
