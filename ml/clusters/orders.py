"""What a cluster is asked to train and how that goes: files in S3, for nobody outside reaches the cluster's members.

Below its folder `orders/JOB.json` and `stops/JOB.json` are written by those who want a job done, or done no more;
`states/JOB.json` and `alive.json` by its head alone.
"""

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from ml.errors import InputError
from ml.launchers.assignment import Assignment

ORDERS, STOPS, STATES, ALIVE = "orders", "stops", "states", "alive.json"


class Status(StrEnum):
    """How a job is. `running` is also one that waits for workers."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True, kw_only=True)
class Order:
    """A job, how many processes share its work, and what each takes of a machine."""

    assignment: Assignment
    workers: int
    cpus: float
    gpus: float

    def written(self) -> bytes:
        """Return it as the bytes that `read_order` takes."""
        return json.dumps(asdict(self), indent=2).encode()


@dataclass(frozen=True, kw_only=True)
class JobState:
    """How a job is, how often a head began it and which did last, and when it began first and ended (since 1970)."""

    status: Status
    starts: int
    head: str
    began: float
    ended: float | None = None
    exit_code: int | None = None

    def written(self) -> bytes:
        """Return it as the bytes that `read_state` takes."""
        return json.dumps(asdict(self), indent=2).encode()


def read_order(text: bytes) -> Order:
    """Read an order; raise `InputError` for what is none."""
    try:
        found: dict[str, Any] = json.loads(text)
        return Order(**found | {"assignment": Assignment(**found["assignment"])})
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(
            "order", f"{text[:80]!r}", f"cannot be read ({error!r})", "write it as Order.written"
        ) from error


def read_state(text: bytes) -> JobState:
    """Read a job's state."""
    found: dict[str, Any] = json.loads(text)
    return JobState(**found | {"status": Status(found["status"])})
