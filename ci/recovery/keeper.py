"""Looks after a run. Any number of keepers may, and any may die at any moment: what they do is safe to do again.

The next attempt is written down before its job is submitted. Writing fails when somebody else wrote meanwhile, so each
number is given out once; submitting by that number again finds the job that is there. So a run has at most one job at a
time, and a keeper that died between the two is finished by the next.
"""

from dataclasses import dataclass
from typing import Protocol

from ci.recovery.rules import Decision, Rules, Start, Wait, decide
from ci.recovery.state import Attempt, Outcome, RunState


class Store(Protocol):
    """Where the state is kept."""

    def read(self) -> tuple[RunState, str]:
        """Return the state and its version; an empty state where there is none yet."""
        ...

    def write(self, value: RunState, version: str, /) -> object:
        """Replace the state that was read as `version`; raise `ChangedError` if it is not that one any more."""
        ...


@dataclass(frozen=True)
class Ended:
    """A job that is over: the seconds that it had its machine, and those that are billed at the price on demand."""

    outcome: Outcome
    seconds: float
    billed_seconds: float


@dataclass(frozen=True)
class AtWork:
    """A job that waits or runs."""


@dataclass(frozen=True)
class Unknown:
    """The cloud does not answer, or not in time: nothing follows from that."""


@dataclass(frozen=True)
class NotThere:
    """The cloud says that it never had such a job."""


Status = Ended | AtWork | Unknown | NotThere


class Jobs(Protocol):
    """The cloud's jobs for this run, by attempt."""

    def submit(self, attempt: Attempt) -> None:
        """Submit the attempt's job, unless that number has one, whatever became of it.

        Called by whom the attempt was begun by, and by anybody to whom its status was `NotThere`: where a second job of
        a number could not be told from the first, no status is ever that.
        """
        ...

    def status(self, attempt: Attempt) -> Status:
        """Return what the cloud says of the attempt's job."""
        ...


def look_after(store: Store, jobs: Jobs, rules: Rules) -> tuple[Decision, RunState]:
    """Take one look, do at most one thing; return what was decided and is now known. `ChangedError`: look again."""
    known, version = store.read()
    state = known
    if state.open:
        status = jobs.status(state.open)
        if isinstance(status, NotThere):
            jobs.submit(state.open)
        elif isinstance(status, Ended):
            state = state.ended(state.open.number, status.outcome, status.seconds, status.billed_seconds)
    decision = decide(state, rules)
    if isinstance(decision, Wait):
        return decision, state
    if isinstance(decision, Start):
        state = state.begun(decision.attempt)
    if state != known:
        store.write(state, version)
    if isinstance(decision, Start):
        jobs.submit(decision.attempt)
    return decision, state
