"""What to do next for a release: a function of what is known and seen, and of nothing else.

Each look does at most one thing, and what it knows is written down before it does it. Everything asked for is asked
for as a whole and again and again until it is so; whoever crashed in between is continued by whoever looks next.
"""

from dataclasses import dataclass, field
from math import ceil

from ci.serving_requests import NEXT_VARIANT_NAME
from ci.traffic.evidence import Evidence, breach
from ci.traffic.state import Phase, Rollout
from infra.spec.contract import VARIANT_NAME

OLD, NEXT = VARIANT_NAME, NEXT_VARIANT_NAME
"""Variants: alarms, dashboards and autoscaling look for the first; the second is there only during a release."""
MOST_ASKS = 10


@dataclass(frozen=True)
class Seen:
    """The endpoint at one look: `percent` of the calls go to the next variant, `counts` are instances by variant."""

    settled: bool
    configuration: str
    percent: float = 0.0
    counts: dict[str, int] = field(default_factory=dict)
    # Whether the old variant's instances are kept from growing fewer; None where nothing scales them.
    held: bool | None = None
    failure: str = ""
    new: Evidence = field(default_factory=Evidence)
    old: Evidence | None = None
    alarms: tuple[str, ...] = ()


@dataclass(frozen=True)
class Configure:
    """Let the endpoint take a whole configuration, with as many instances as there are."""

    configuration: str


@dataclass(frozen=True)
class Resize:
    """Give the new release so many instances."""

    count: int


@dataclass(frozen=True)
class Divide:
    """Give the new release this share of the calls and the old one the rest, in one request."""

    percent: int


@dataclass(frozen=True)
class Hold:
    """Keep the old release's instances from growing fewer while it has few calls, or let them again."""

    held: bool


Act = Configure | Resize | Divide | Hold


def decide(state: Rollout, seen: Seen, now: float) -> tuple[Rollout, Act | None]:
    """Return what is known after this look, and the one thing to do; nothing while the endpoint is changing."""
    if state.is_over or not seen.settled:
        return state, None
    if state.phase is Phase.BACK:
        return _go_back(state, seen, now)
    if seen.configuration != state.new:
        state = state.model_copy(update={"instances": max(state.instances, seen.counts.get(OLD, 0))})
    if bad := _trouble(state, seen):
        return _turn_back(state, seen, now, bad)
    if act := _needed(state, seen):
        return _asking(state, act, now), act
    if state.stage is None:
        return state.telling(now, "released", phase=Phase.RELEASED), None
    if state.baking_since is None:
        state = _noting(state, now, "baking", baking_since=now)
    return _judge(state, seen, now)


def _needed(state: Rollout, seen: Seen) -> Act | None:
    """Return what is left to do until all is as this step wants it; more instances come before more calls."""
    stage = state.stage
    wanted = state.new if stage is None or stage.arrangement == "alone" else state.beside
    going_on = stage is not None and stage.arrangement == "split"
    if going_on and seen.held is False:
        return Hold(True)
    if seen.configuration != wanted:
        return Configure(wanted)
    if stage is None or stage.arrangement == "alone":
        return Hold(False) if seen.held else None
    enough = max(1, ceil(state.instances * (stage.percent if going_on else 100) / 100))
    if going_on and seen.counts.get(NEXT, enough) < enough:
        return Resize(enough)
    return Divide(stage.percent) if going_on and round(seen.percent) != stage.percent else None


def _asking(state: Rollout, act: Act, now: float) -> Rollout:
    match act:
        case Configure(configuration=wanted):
            asks = state.asks + 1 if state.asked == wanted else 1
            return state.telling(now, f"{_place(state)}: configuration {wanted}", asked=wanted, asks=asks)
        case Divide(percent=percent):
            return state.telling(now, f"{_place(state)}: {percent} % of the calls")
        case _:
            return state


def _trouble(state: Rollout, seen: Seen) -> str:
    """Return why this cannot go on: what was asked for did not come, an alarm, or worse answers."""
    if state.asked and seen.configuration != state.asked:
        if seen.failure:
            return f"it did not start: {seen.failure}"
        if state.asks >= MOST_ASKS:
            return f"{state.asked} was asked for {state.asks} times and never came"
    if raised := sorted(set(seen.alarms) - set(state.alarms)):
        return f"alarm {', '.join(raised)}"
    if state.baking_since is None:
        return ""
    return breach(seen.new, seen.old, state.tolerance, len(state.stages)) or ""


def _judge(state: Rollout, seen: Seen, now: float) -> tuple[Rollout, Act | None]:
    """Nothing speaks against it: wait until the step has lasted and was tried enough, then take the next."""
    stage, since = state.stage, state.baking_since
    assert stage is not None
    assert since is not None
    is_tried = seen.new.requests >= state.patience.least_requests
    if now - since >= stage.bake_seconds and is_tried:
        passed = f"passed, {seen.new.failed} of {seen.new.requests} calls failed"
        onward = _noting(state, now, passed, position=state.position + 1, baking_since=None, asked="", asks=0)
        return decide(onward, seen, now)
    if now - since >= stage.bake_seconds + state.patience.seconds and not is_tried:
        few = f"only {seen.new.requests} of {state.patience.least_requests} requests came to it"
        return _turn_back(state, seen, now, few)
    return state, None


def _noting(state: Rollout, now: float, what: str, **changes: object) -> Rollout:
    """Change the state, and tell of it where the step is one that somebody watches."""
    if state.stage is None or not state.stage.bake_seconds:
        return state.model_copy(update=changes)
    return state.telling(now, f"{_place(state)}: {what}", **changes)


def _turn_back(state: Rollout, seen: Seen, now: float, reason: str) -> tuple[Rollout, Act | None]:
    back = state.telling(
        now, f"{_place(state)}: back, {reason}", phase=Phase.BACK, reason=reason, baking_since=None, asked="", asks=0
    )
    return _go_back(back, seen, now)


def _go_back(state: Rollout, seen: Seen, now: float) -> tuple[Rollout, Act | None]:
    """Take all calls from it in one request, then take it away."""
    if seen.configuration == state.beside and seen.percent > 0:
        return state, Divide(0)
    if seen.configuration != state.old:
        return _asking(state, Configure(state.old), now), Configure(state.old)
    if seen.held:
        return state, Hold(False)
    return state.telling(now, "rolled back", phase=Phase.ROLLED_BACK), None


def _place(state: Rollout) -> str:
    stage = state.stage
    if stage is None:
        return "whole"
    return {"split": f"{stage.percent} %", "mirrored": "shadow", "alone": "all at once"}[stage.arrangement]
