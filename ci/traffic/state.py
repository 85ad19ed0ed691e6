"""What is known of a release on its way: frozen, kept as JSON where every controller can see it."""

from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict, computed_field

from ci.traffic.evidence import Tolerance
from infra.spec.release import Stage


class Phase(StrEnum):
    """Where a release is going, or how it ended."""

    FORWARD = "going forward"
    BACK = "going back"
    RELEASED = "released"
    ROLLED_BACK = "rolled back"


class Moment(BaseModel):
    """Something that was decided, for those who look later."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: float
    what: str


class Patience(BaseModel):
    """When a step is over: after so many requests, or too long."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    least_requests: int
    seconds: float
    look_seconds: float


class Rollout(BaseModel):
    """One release on its way to one endpoint; times are seconds since 1970.

    `old`, `beside` and `new` are endpoint configurations, each whole: the old release, both of them, the new one. No
    other is ever asked for. `position` counts the steps that are over; at the last the new one is to stand alone.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    endpoint: str
    version: str
    old: str
    beside: str
    new: str
    stages: tuple[Stage, ...]
    tolerance: Tolerance
    patience: Patience
    begun: float
    # What was in alarm before is not the new release's doing.
    alarms: tuple[str, ...] = ()
    phase: Phase = Phase.FORWARD
    position: int = 0
    # Since when all is as the step wants it; None until it is.
    baking_since: float | None = None
    # The most instances that the old release had since it began: nothing may ever have fewer.
    instances: int = 0
    # The configuration that was asked for last, and how often.
    asked: str = ""
    asks: int = 0
    reason: str = ""
    told: tuple[Moment, ...] = ()

    @computed_field  # type: ignore[prop-decorator]
    @property
    def percent(self) -> int:
        """The share of the calls that the new release is to have now."""
        if self.phase in (Phase.BACK, Phase.ROLLED_BACK):
            return 0
        return 100 if self.stage is None else self.stage.percent

    @property
    def stage(self) -> Stage | None:
        """The step that it is in; None once all are over."""
        return self.stages[self.position] if self.position < len(self.stages) else None

    @property
    def is_watched(self) -> bool:
        """Whether any step waits to see how it does."""
        return any(stage.bake_seconds for stage in self.stages)

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to do."""
        return self.phase in (Phase.RELEASED, Phase.ROLLED_BACK)

    def telling(self, at: float, what: str, **changes: object) -> Self:
        """Return it with `changes`, and with what they mean."""
        return self.model_copy(update={**changes, "told": (*self.told, Moment(at=at, what=what))})
