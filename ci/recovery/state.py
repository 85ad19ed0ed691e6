"""What is known of a run: its attempts, in order. Frozen; kept as JSON where all who look after the run can see it."""

from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict


class Purchase(StrEnum):
    """How a machine is paid for."""

    SPOT = "spot"
    ON_DEMAND = "on-demand"


class Outcome(StrEnum):
    """How an attempt ended. A reclaim is the cloud's doing and says nothing against the run; a failure does."""

    SUCCEEDED = "succeeded"
    RECLAIMED = "reclaimed"
    FAILED = "failed"
    STOPPED = "stopped"


class Attempt(BaseModel):
    """One job for the run. `number` is its fence: the job's name is made of it, and no two jobs ever share one.

    `limit_seconds` is what the cloud is told to stop it after, so that it cannot spend more than was left for it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int
    purchase: Purchase
    hourly_usd: float
    limit_seconds: int
    outcome: Outcome | None = None
    seconds: float = 0.0

    @property
    def usd(self) -> float:
        """What it has cost: once ended, what it ran; before that, what it may run."""
        seconds = self.limit_seconds if self.outcome is None else self.seconds
        return seconds * self.hourly_usd / 3600


class RunState(BaseModel):
    """All attempts so far."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    attempts: tuple[Attempt, ...] = ()

    @property
    def usd(self) -> float:
        """What the run has cost, with all that a running attempt may still cost."""
        return sum(attempt.usd for attempt in self.attempts)

    @property
    def open(self) -> Attempt | None:
        """The attempt that has not ended, as far as is known."""
        return next((attempt for attempt in self.attempts if attempt.outcome is None), None)

    def count(self, outcome: Outcome) -> int:
        """Count the attempts that ended so."""
        return sum(attempt.outcome is outcome for attempt in self.attempts)

    def begun(self, attempt: Attempt) -> Self:
        """Return the state with one attempt more."""
        return self.model_copy(update={"attempts": (*self.attempts, attempt)})

    def ended(self, number: int, outcome: Outcome, seconds: float) -> Self:
        """Return the state after an attempt's end. What is known of an end is final: news of it may come twice."""
        attempts = tuple(
            attempt.model_copy(update={"outcome": outcome, "seconds": seconds})
            if attempt.number == number and attempt.outcome is None
            else attempt
            for attempt in self.attempts
        )
        return self.model_copy(update={"attempts": attempts})
