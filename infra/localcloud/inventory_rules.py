"""What the inventory has to know about single services: what counts as a resource, and what is history or gone."""

from collections.abc import Iterator, Mapping
from typing import Any

ENDED = {"terminated", "deleted", "DELETED", "DELETE_COMPLETE", "PendingDeletion", "INACTIVE", "cancelled", "closed"}
"""States in which AWS still shows a resource for a while, and nobody pays for it any more."""

HISTORY = {
    # What happened stays on record on AWS too.
    *("AssumedRole", "FederatedToken", "LogQuery", "MetricDatum", "MetricDatumBase", "Command", "CommandInvocation"),
    *("FakeTrainingJob", "FakeProcessingJob", "FakeTransformJob", "FakeHyperParameterTuningJob", "FakeCompilationJob"),
    *("FakeAutoMLJob", "Job", "Execution", "Experiment", "JobRun", "Crawl", "Message", "Event"),
}

PARTS = {
    "Database": "tables",
    "EventBus": "rules",
    "Key": "aliases",
    "Reservation": "instances",
    "ScheduleGroup": "schedules",
}
"""Models inside which other resources live, also when the model itself was there from the beginning."""

SCALING_ROLE = "AWSServiceRoleForAutoScaling_"
"""Service-linked roles that somebody asked for, each by a suffix of its own."""

AWS_KEYS = "alias/aws/"

PLAIN = {"account_aliases", "filters"}
"""Attributes that keep resources as plain names or dictionaries; other plain values are indexes and tags."""

PLAIN_NAMES = ("arn", "Arn", "filterName", "name", "Name")


def members_of(name: str, model: Any) -> Iterator[tuple[str, Any]]:
    """(name, model) of the object itself and of the resources inside it."""
    yield name, model
    parts = getattr(model, PARTS.get(type(model).__name__, ""), ())
    yield from parts.items() if isinstance(parts, Mapping) else ((str(part.id), part) for part in parts)


def exists(model: Any, backend: Any) -> bool:
    """Whether a model of moto's is a resource now: neither a record of the past nor gone though still shown."""
    kind = type(model).__name__
    if kind in HISTORY or kind == "Reservation" or _has_ended(model):
        return False
    if kind == "AccessKey" and model.access_key_id.startswith("ASIA"):
        return False  # Temporary credentials end by themselves.
    if kind == "Role" and model.path.startswith("/aws-service-role/") and not model.name.startswith(SCALING_ROLE):
        return False  # AWS makes these, and keeps them.
    if kind in ("Alias", "Key") and any(name.startswith(AWS_KEYS) for name in _aliases(model)):
        return False  # AWS makes a service's own key when it is first used, and keeps it for nothing.
    if kind == "Parameter" and model.name.startswith("/aws/service/"):
        return False  # What AWS publishes to everybody; moto loads it when it is first asked for.
    if kind == "DelegationSet" and not model.id:
        return False  # The name servers of one zone: moto keeps them when it is gone.
    if kind == "NetworkInterface" and model.instance and _has_ended(model.instance):
        return False  # AWS deletes a machine's own interface with it.
    vpc = getattr(model, "vpc_id", None)
    return not (vpc and hasattr(backend, "vpcs")) or vpc in backend.vpcs


def _aliases(model: Any) -> list[str]:
    """The names of a KMS key, or the one that an alias is."""
    return [str(getattr(model, "alias_name", "")), *getattr(model, "aliases", ())]


def _has_ended(model: Any) -> bool:
    states = (getattr(model, name, None) for name in ("status", "state", "_state", "key_state", "_status"))
    return any(str(getattr(state, "name", None) or getattr(state, "code", None) or state) in ENDED for state in states)


def plain_name(value: Any) -> str | None:
    """What a plain resource is called; None if it is not one."""
    if isinstance(value, Mapping):
        return next((str(value[name]) for name in PLAIN_NAMES if name in value), None)
    return value if isinstance(value, str) else None
