"""Terraform's event stream, as Terraform 1.11 writes it."""

import json

from ci.stack_progress import StackProgress


def resource(address: str) -> dict[str, object]:
    return {"addr": address, "resource_type": address.split(".")[0]}


def told(*events: dict[str, object] | str) -> StackProgress:
    progress = StackProgress("a")
    for event in events:
        progress.absorb(event if isinstance(event, str) else json.dumps(event))
    return progress


PLANNED = {"type": "planned_change", "change": {"resource": resource("aws_vpc.a"), "action": "replace"}}
SUMMARY = {"type": "change_summary", "changes": {"add": 1, "change": 0, "remove": 1, "operation": "plan"}}


def hook(kind: str, action: str = "create") -> dict[str, object]:
    return {"type": kind, "hook": {"resource": resource("aws_vpc.a"), "action": action}}


def test_it_counts_what_is_planned_in_work_and_done() -> None:
    assert told(PLANNED, SUMMARY).planned == {"replace": 1}
    at_work = told(PLANNED, SUMMARY, hook("apply_start", "delete"))
    assert (at_work.state, at_work.done, at_work.total, list(at_work.working)) == ("applying", 0, 2, ["aws_vpc.a"])
    ended = told(SUMMARY, hook("apply_start", "delete"), hook("apply_complete", "delete"))
    assert (ended.done, ended.working, [span[0] for span in ended.spans]) == (1, {}, ["aws_vpc.a"])


def test_reading_during_apply_is_no_change() -> None:
    assert told(hook("apply_start", "read"), hook("apply_complete", "read")).done == 0


def test_what_failed_is_no_longer_in_work() -> None:
    failed = told(hook("apply_start"), hook("apply_errored"))
    assert (failed.done, failed.working) == (0, {})


def test_errors_are_told_with_their_address_and_warnings_are_not() -> None:
    error = {"severity": "error", "summary": "no room", "detail": "the VPC is full", "address": "aws_subnet.a"}
    warning = {"severity": "warning", "summary": "deprecated", "detail": ""}
    progress = told(*({"type": "diagnostic", "diagnostic": found} for found in (error, warning)))
    assert progress.complaints == ["aws_subnet.a: no room\n    the VPC is full"]


def test_what_is_no_event_is_kept_for_when_nothing_else_explains() -> None:
    assert told("panic: out of memory", "", "[1]", "{}").complaints == ["panic: out of memory", "[1]", "{}"]
