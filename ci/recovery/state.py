"""What is known of a run: its attempts, in order. Frozen; kept as JSON where all who look after the run can see it."""

from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict, computed_field

# From the moment when a job is out of time until nothing is paid for any more. SageMaker gives it 120 s after SIGTERM;
# the rest is for bringing its data before, and its files away after, the time that a limit counts.
ENDING_SECONDS = 300


class Purchase(StrEnum):
    """How a machine is paid for."""

    SPOT = "spot"
    ON_DEMAND = "on-demand"


class Outcome(StrEnum):
    """How an attempt ended. A reclaim is the cloud's doing and says nothing against the run; a failure does."""

    SUCCEEDED = "succeeded"
    RECLAIMED = "reclaimed"
    OUT_OF_TIME = "out of time"
    FAILED = "failed"
    STOPPED = "stopped"


class Attempt(BaseModel):
    """One job for the run. `number` is its fence: the job's name is made of it, and no two jobs ever share one.

    `limit_seconds` is what the cloud is told to stop it after, so that it cannot spend more than was left for it.
    `hourly_usd` is the price on demand: of a spot machine AWS bills that for fewer seconds, whatever spot costs.
    """

    # Its dollars are written down for those who read the file, and worked out again by whom it is read here.
    model_config = ConfigDict(frozen=True, extra="ignore")

    number: int
    purchase: Purchase
    hourly_usd: float
    limit_seconds: int
    outcome: Outcome | None = None
    seconds: float = 0.0
    billed_seconds: float = 0.0

    @computed_field  # type: ignore[prop-decorator]
    @property
    def usd(self) -> float:
        """What it has cost: once ended, what was billed; before that, the most that it may come to."""
        seconds = self.limit_seconds + ENDING_SECONDS if self.outcome is None else self.billed_seconds
        return seconds * self.hourly_usd / 3600


class RunState(BaseModel):
    """All attempts so far, and where they are made, as `train --on` takes it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    place: str = "sagemaker"
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

    def ended(self, number: int, outcome: Outcome, seconds: float, billed_seconds: float) -> Self:
        """Return the state after an attempt's end. What is known of an end is final: news of it may come twice."""
        end = {"outcome": outcome, "seconds": seconds, "billed_seconds": billed_seconds}
        attempts = tuple(
            attempt.model_copy(update=end) if attempt.number == number and attempt.outcome is None else attempt
            for attempt in self.attempts
        )
        return self.model_copy(update={"attempts": attempts})
