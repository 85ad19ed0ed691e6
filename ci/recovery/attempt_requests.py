"""The job that an attempt asks for, the same wherever it runs."""

from dataclasses import replace

from ci.jobs import JobRequest
from ci.recovery.state import Attempt, Purchase


def name_of(run: str, attempt: Attempt) -> str:
    """Return the name of an attempt's job."""
    return f"{run}-{attempt.number}"


def request_of(run: str, request: JobRequest, attempt: Attempt) -> JobRequest:
    """Return a run's request as one attempt makes it; all attempts share the run's checkpoints."""
    return replace(
        request,
        name=name_of(run, attempt),
        checkpoints=f"runs/{run}/checkpoints",
        spot=attempt.purchase is Purchase.SPOT,
        most_seconds=attempt.limit_seconds,
    )
