"""What schedules make of the bounds of what scales: the least on average over a year, the most at any time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from heapq import merge
from itertools import islice, pairwise
from typing import Any
from zoneinfo import ZoneInfo

from ci.estimate.declared import Declared
from infra.localcloud.timetable import CALL, moments

# Whole weeks, so that the days of the week weigh alike; from a Monday, so that no figure depends on the day of asking.
_BEGINS = datetime(2026, 1, 5, tzinfo=UTC)
_ENDS = _BEGINS + timedelta(weeks=52)
# One for each hour and more is no timetable that people keep.
_MOST_MOMENTS = 10_000
ASSUMED = "schedules: idle is the mean of the least that they allow, by the hours that each of them holds"
ASSUMED_HIGHEST = "schedules: where one comes once or cannot be read, idle is the highest least that any of them allows"


@dataclass(frozen=True)
class Schedule:
    """Other bounds from each of its moments on; None leaves a bound as it is."""

    at: str
    timezone: str
    least: int | None
    most: int | None


@dataclass(frozen=True)
class Bounds:
    """How many there are: on average over the year at the least, and at any time at the most."""

    idle: float
    worst: int
    # The least and the most that anything allows, as people write them, and what schedules make of the least.
    told: str
    note: str = ""
    assumed: str = ""


def bounds(least: int, most: int, schedules: Sequence[Schedule]) -> Bounds:
    """Return the bounds of what begins with `least` and `most` and then follows its schedules.

    The days before the first schedule comes are left out: an environment lives longer.
    """
    if not schedules:
        return Bounds(least, most, f"{least} to {most}")
    all_least = [least, *(one.least for one in schedules if one.least is not None)]
    worst = max(most, *(one.most for one in schedules if one.most is not None), max(all_least))
    told = f"{min(all_least)} to {worst}"
    mean = _mean(least, schedules)
    if mean is None:
        return Bounds(max(all_least), worst, told, f", by schedules {max(all_least)} at the least", ASSUMED_HIGHEST)
    return Bounds(mean, worst, told, f", by schedules {mean:.2f} at the least on average", ASSUMED)


def _mean(least: int, schedules: Sequence[Schedule]) -> float | None:
    """The mean of the least by the hours of the year, or None where that cannot be told."""
    events: list[list[tuple[datetime, int | None]]] = []
    for one in schedules:
        if (found := _moments(one.at, one.timezone)) is None:
            return None
        events.append([(moment, one.least) for moment in found])
    year = list(merge(*events, key=lambda event: event[0]))
    # What holds on its last day held before its first one, too.
    now = next((value for _, value in reversed(year) if value is not None), least)
    seconds = 0.0
    for (since, value), (until, _) in pairwise([(_BEGINS, now), *year, (_ENDS, None)]):
        now = now if value is None else value
        seconds += now * (until - since).total_seconds()
    return seconds / (_ENDS - _BEGINS).total_seconds()


@cache
def _moments(at: str, timezone: str) -> Sequence[datetime] | None:
    """When it comes in the year, or None where it comes once, too often, never, or nobody knows when."""
    if (call := CALL.fullmatch(at)) and call[1] != "cron":
        return None
    words = call[2] if call else at
    try:
        # A moment of the year's first second counts.
        since = (_BEGINS - timedelta(seconds=1)).astimezone(ZoneInfo(timezone))
        found = [moment.astimezone(UTC) for moment in islice(moments(words, since, _ENDS), _MOST_MOMENTS)]
    except (ValueError, KeyError):
        return None
    return found if 0 < len(found) < _MOST_MOMENTS else None


def of_group(declared: Declared) -> list[Schedule]:
    """Return the schedules of an Auto Scaling group."""
    own = f"aws_autoscaling_group.{declared.name}."
    return [
        Schedule(
            str(block.get("recurrence", "")),
            block.get("time_zone") or "UTC",
            _count(block.get("min_size")),
            _count(block.get("max_size")),
        )
        for block in declared.others("aws_autoscaling_schedule").values()
        if own in (group := str(block.get("autoscaling_group_name"))) or group == declared.block.get("name")
    ]


def of_target(declared: Declared, name: str, target: Mapping[str, Any]) -> list[Schedule]:
    """Return the schedules of a scalable target, which stands beside `declared`."""
    own = f"aws_appautoscaling_target.{name}."
    return [
        Schedule(
            str(block.get("schedule", "")),
            block.get("timezone") or "UTC",
            _count(block.get("scalable_target_action", {}).get("min_capacity")),
            _count(block.get("scalable_target_action", {}).get("max_capacity")),
        )
        for block in declared.others("aws_appautoscaling_scheduled_action").values()
        if own in (of := str(block.get("resource_id"))) or of == target.get("resource_id")
    ]


def _count(value: object) -> int | None:
    """A bound as it is written, which may be text; -1, or what nobody knows before a deploy, leaves it as it is."""
    return int(text) if (text := str(value)).isdigit() else None
