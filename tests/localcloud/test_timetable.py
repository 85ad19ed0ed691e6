"""Schedules as AWS reads them: six fields, five fields, rates and single moments, on the clock of their zone."""

from datetime import UTC, datetime, timedelta

import pytest

from infra.localcloud.timetable import is_due

MADE = datetime(2026, 11, 20, tzinfo=UTC)


def due(expression: str, moment: str, zone: str | None = None, *, minutes: float = 1) -> bool:
    """Whether it is due within the `minutes` that end at `moment`; 2026-11-23 is a Monday."""
    until = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    return is_due(expression, zone, until - timedelta(minutes=minutes), until, MADE)


@pytest.mark.parametrize(
    ("expression", "moment", "expected"),
    [
        ("cron(0 6 ? * MON-FRI *)", "2026-11-23T06:00:00", True),
        ("cron(0 6 ? * MON-FRI *)", "2026-11-22T06:00:00", False),
        ("cron(0 6 ? * 2-6 *)", "2026-11-23T06:00:30", True),
        ("cron(0 6 ? * 1 *)", "2026-11-22T06:00:00", True),
        ("cron(0/15 * * * ? *)", "2026-11-23T10:45:00", True),
        ("cron(0/15 * * * ? *)", "2026-11-23T10:46:00", False),
        ("cron(0 20 1 JAN ? 2027)", "2027-01-01T20:00:00", True),
        ("cron(0 6 L * ? *)", "2026-11-30T06:00:00", True),
        ("cron(0 6 ? * 6L *)", "2026-11-27T06:00:00", True),
        ("cron(0 6 ? * 2#4 *)", "2026-11-23T06:00:00", True),
        ("cron(0 6 ? * 2#3 *)", "2026-11-23T06:00:00", False),
        ("cron(5/20 6 ? * MON 2025/1)", "2026-11-23T06:25:00", True),
        ("cron(0 6 ? * MON 2027-2028,2030)", "2026-11-23T06:00:00", False),
        ("0 6 * * 1-5", "2026-11-23T06:00:00", True),
        ("0 6 * * 0", "2026-11-22T06:00:00", True),
        ("0 6 * * 7", "2026-11-22T06:00:00", True),
        ("0 6 * * MON-FRI", "2026-11-22T06:00:00", False),
        # Unix: a day of the month or a day of the week, where both are named.
        ("0 6 1 * MON", "2026-11-23T06:00:00", True),
        ("0 6 23 * SUN", "2026-11-23T06:00:00", True),
        ("0 6 24 * SUN", "2026-11-23T06:00:00", False),
        ("at(2026-11-23T06:00:20)", "2026-11-23T06:00:30", True),
        ("at(2026-11-23T06:00:20)", "2026-11-23T06:00:10", False),
        ("rate(2 hours)", "2026-11-23T06:00:10", True),
        ("rate(2 hours)", "2026-11-23T07:00:10", False),
    ],
)
def test_a_schedule_is_due_when_it_says(expression: str, moment: str, expected: bool) -> None:
    assert due(expression, moment) is expected


def test_a_schedule_goes_by_the_clock_of_its_zone() -> None:
    assert due("cron(0 6 ? * * *)", "2026-11-23T05:00:00", "Europe/Berlin")
    assert due("cron(0 6 ? * * *)", "2026-07-20T04:00:00", "Europe/Berlin"), "an hour earlier in summer"
    assert not due("cron(0 6 ? * * *)", "2026-11-23T06:00:00", "Europe/Berlin")
    assert due("at(2026-11-23T06:00:00)", "2026-11-23T05:00:00", "Europe/Berlin")


def test_nothing_that_came_due_between_two_looks_is_missed() -> None:
    assert due("cron(0 6 ? * * *)", "2026-11-23T09:30:00", minutes=240)
    assert not due("cron(0 6 ? * * *)", "2026-11-23T06:00:00.5", minutes=0.001)


@pytest.mark.parametrize(
    "expression", ["cron(0 6 * *)", "cron(61 * * * ? *)", "cron(0 6 3W * ? *)", "cron(0 6 * * ? soon)", "rate(soon)"]
)
def test_what_cannot_be_read_is_said(expression: str) -> None:
    with pytest.raises(ValueError, match="five or six fields|is not valid|invalid literal"):
        due(expression, "2026-11-23T06:00:00")
