"""Stops training: no queue starts another job, and where the environment says so, what runs ends too."""

import json
from collections.abc import Iterator
from typing import Any

from .found import Found, batch_jobs, job_queues, training_jobs
from .orders import Orders, carry_out


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Stop training. The budget's message comes without orders; a person may send `{"release": true}`, or a dry run."""
    print(json.dumps({"event": "brake", "told": _message(event)}), flush=True)
    orders, release = Orders.read(event), bool(event.get("release"))
    things = (found for found in (_released(orders) if release else _stopped(orders)) if orders.concern(found))
    return carry_out(orders, things, "released" if release else "budget is spent")


def _stopped(orders: Orders) -> Iterator[Found]:
    for region in orders.regions:
        # Queues first, or what ends makes room for what waits.
        yield from job_queues(region, state="DISABLED")
        if orders.ends_running:
            yield from training_jobs(region)
            yield from batch_jobs(region)


def _released(orders: Orders) -> Iterator[Found]:
    for region in orders.regions:
        yield from job_queues(region, state="ENABLED")


def _message(event: dict[str, Any]) -> str:
    return "; ".join(record.get("Sns", {}).get("Message", "") for record in event.get("Records", ()))
