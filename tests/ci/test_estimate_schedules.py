"""Schedules in an estimate: the least by the hours that it holds, the most at any time, both done by hand."""

from pathlib import Path
from typing import Any

import pytest

from ci.estimate.schedules import ASSUMED, ASSUMED_HIGHEST, Schedule, bounds
from infra.spec import RealTime, ScheduleSpec
from tests.ci.test_estimate import priced

DAY, NIGHT = "cron(0 6 ? * MON-FRI *)", "cron(0 20 ? * * *)"
EACH = 1.408


def endpoint(*actions: dict[str, Any]) -> dict[str, Any]:
    """An endpoint of one or two ml.g5.xlarge, with these schedules."""
    variant = {"variant_name": "live", "instance_type": "ml.g5.xlarge", "initial_instance_count": 1}
    return {
        "aws_sagemaker_endpoint_configuration": {"x": {"production_variants": [variant]}},
        "aws_sagemaker_endpoint": {
            "x": {"name": "x", "endpoint_config_name": "${aws_sagemaker_endpoint_configuration.x.name}"}
        },
        "aws_appautoscaling_target": {
            "x": {"resource_id": "endpoint/x/variant/live", "min_capacity": 1, "max_capacity": 2}
        },
        "aws_appautoscaling_scheduled_action": {
            str(at): {"resource_id": "${aws_appautoscaling_target.x.resource_id}", **action}
            for at, action in enumerate(actions)
        },
    }


def action(at: str, least: int, most: int) -> dict[str, Any]:
    wanted = {"min_capacity": str(least), "max_capacity": str(most)}
    return {"schedule": at, "timezone": "UTC", "scalable_target_action": wanted}


def test_an_endpoint_is_idle_by_the_hours_of_its_schedules_and_at_worst_the_most_of_all(tmp_path: Path) -> None:
    found = priced(tmp_path, endpoint(action(DAY, 20, 100), action(NIGHT, 1, 4)))
    # 20 from 6 to 20 on five days, 70 hours of a week; one in the other 98.
    assert found.total.idle_usd_per_hour == pytest.approx(EACH * (70 * 20 + 98 * 1) / 168, abs=1e-6)
    assert found.total.worst_usd_per_hour == pytest.approx(EACH * 100, abs=1e-6)
    assert found.total.always_on_usd_per_hour == 0
    assert [line.what for line in found.lines] == ["1 to 100 × ml.g5.xlarge, by schedules 8.92 at the least on average"]
    assert ASSUMED in found.assumptions


def test_the_worst_is_what_quotas_are_asked_for(tmp_path: Path) -> None:
    schedule = ScheduleSpec(name="day", at=DAY, min_instances=3, max_instances=7)
    hosting = RealTime(instance_type="ml.g5.xlarge", min_instances=1, max_instances=2, schedules=(schedule,))
    found = priced(tmp_path, endpoint(action(DAY, 3, 7)))
    (need,) = hosting.quota_needs
    assert found.total.worst_usd_per_hour == pytest.approx(need.amount * EACH, abs=1e-6)


def test_a_group_follows_its_schedules_too(tmp_path: Path) -> None:
    template = {"instance_type": "m5.large"}
    group = {"min_size": 0, "max_size": 2, "launch_template": {"id": "${aws_launch_template.x.id}"}}
    of_group = {"autoscaling_group_name": "${aws_autoscaling_group.x.name}", "desired_capacity": -1}
    schedules = {
        "up": {**of_group, "recurrence": "0 0 * * SAT", "min_size": 3, "max_size": 9},
        "down": {**of_group, "recurrence": "0 0 * * MON", "min_size": 0, "max_size": -1},
        "other": {"autoscaling_group_name": "another", "recurrence": "* * * * *", "min_size": 50, "max_size": 50},
    }
    found = priced(
        tmp_path,
        {
            "aws_launch_template": {"x": template},
            "aws_autoscaling_group": {"x": group},
            "aws_autoscaling_schedule": schedules,
        },
    )
    # Three on two of seven days.
    assert found.total.idle_usd_per_hour == pytest.approx(0.096 * 3 * 2 / 7, abs=1e-6)
    assert found.total.worst_usd_per_hour == pytest.approx(0.096 * 9, abs=1e-6)


@pytest.mark.parametrize(
    ("schedules", "idle", "worst"),
    [
        ((), 1, 2),
        # Alone it holds from its first moment on.
        ((Schedule(NIGHT, "UTC", 5, 6),), 5, 6),
        # A least of its own above the most of all others.
        ((Schedule(NIGHT, "UTC", 5, None),), 5, 5),
        # What says nothing of the least leaves it.
        ((Schedule(NIGHT, "UTC", None, 9),), 1, 9),
        # 6 in Berlin to 20 in UTC is an hour longer in winter, and two in summer: 30 of the year's 52 weeks.
        (
            (Schedule("cron(0 6 * * ? *)", "Europe/Berlin", 24, 24), Schedule(NIGHT, "UTC", 0, 1)),
            15 + 30 / 52,
            24,
        ),
        # Once, never in the year, unreadable, or by the minute: nobody can weigh that, and the highest is the safe one.
        *(
            ((Schedule(NIGHT, "UTC", 0, 2), Schedule(at, zone, 7, 8)), 7, 8)
            for at, zone in (
                ("at(2026-11-23T06:00:00)", "UTC"),
                ("rate(5 minutes)", "UTC"),
                ("cron(0 6 * * ? 2040)", "UTC"),
                ("cron(soon)", "UTC"),
                ("", "UTC"),
                ("* * * * *", "UTC"),
                (DAY, "Mars/Olympus"),
            )
        ),
    ],
)
def test_bounds_follow_schedules(schedules: tuple[Schedule, ...], idle: float, worst: int) -> None:
    found = bounds(1, 2, schedules)
    assert (found.idle, found.worst) == (pytest.approx(idle, abs=0.01), worst)
    assert (found.assumed in (ASSUMED, ASSUMED_HIGHEST)) == bool(schedules)
