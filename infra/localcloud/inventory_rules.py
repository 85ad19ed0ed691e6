"""What the inventory has to know about single services: which of moto's objects are history, and which plain values count."""

from collections.abc import Mapping
from typing import Any

ENDED = {"terminated", "deleted", "DELETED", "DELETE_COMPLETE", "PendingDeletion", "INACTIVE", "cancelled", "closed"}
"""States in which AWS still shows a resource for a while, and nobody pays for it any more."""

HISTORY = {
    # What happened stays on record on AWS too.
    *("AssumedRole", "FederatedToken", "LogQuery", "MetricDatum", "MetricDatumBase", "Command", "CommandInvocation"),
    *("FakeTrainingJob", "FakeProcessingJob", "FakeTransformJob", "FakeHyperParameterTuningJob", "FakeCompilationJob"),
    *("FakeAutoMLJob", "Job", "Execution", "JobRun", "Crawl", "Message", "Event", "FakeExecution", "OTPConfig"),
}

PLAIN_INDEXES = {
    "key_to_aliases": "names",
    "account_aliases": "names",
    "filters": "dictionaries",
}
"""Attributes of backends that hold resources as plain names or dictionaries; other plain values are indexes and tags."""

PLAIN_NAMES = ("arn", "Arn", "filterName", "name", "Name")


def is_history(model: Any) -> bool:
    """A record of something that happened, not a thing that exists."""
    return type(model).__name__ in HISTORY


def has_ended(model: Any) -> bool:
    """Gone, though moto and AWS still show it."""
    states = (getattr(model, name, None) for name in ("status", "state", "_state", "key_state", "_status"))
    return any(str(getattr(state, "name", None) or getattr(state, "code", None) or state) in ENDED for state in states)


def members_of(model: Any) -> list[Any]:
    """The resources that an object stands for: itself, but a reservation of machines is its machines."""
    return list(model.instances) if type(model).__name__ == "Reservation" else [model]


def plain_name(value: Any) -> str | None:
    """What a plain resource is called."""
    if isinstance(value, Mapping):
        return next((str(value[name]) for name in PLAIN_NAMES if name in value), None)
    return str(value) if isinstance(value, str) else None
