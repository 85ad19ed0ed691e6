"""Ends what has outlived its `ttl` tag: a time such as 72h since it was made, or the moment itself."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from .found import Found, batch_jobs, endpoints, groups, training_jobs
from .orders import Orders, carry_out

HOURS = re.compile(r"(\d+)h")
KINDS = (endpoints, training_jobs, batch_jobs, groups)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """End what is expired now. `{"dry_run": true}` only lists it."""
    orders = Orders.read(event)
    return carry_out(orders, expired(orders, datetime.now(UTC)), "expired")


def expired(orders: Orders, now: datetime) -> Iterator[Found]:
    """Yield the environment's things whose time is over."""
    for region in orders.regions:
        for kind in KINDS:
            for found in kind(region):
                end = end_of(found)
                if orders.concern(found) and end is not None and end <= now:
                    yield found


def end_of(found: Found) -> datetime | None:
    """Return when a thing's time is over; None when its tag says never, nothing, or what nobody can read."""
    ttl = found.tags.get("ttl", "")
    if hours := HOURS.fullmatch(ttl):
        return found.since + timedelta(hours=int(hours[1]))
    try:
        moment = datetime.fromisoformat(ttl)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
