"""Scheduled scaling: bounds of endpoints' variants and of Auto Scaling groups change when their time has come.

moto keeps the actions; this carries them out. What follows from new bounds is done by who does it anyway: the
autoscaler for variants, moto for groups.
"""

import sys
import time
from datetime import UTC, datetime
from typing import Any

from infra.localcloud.machines.site import Site
from infra.localcloud.timetable import is_due


class ScheduledScaling:
    """One look after the other, on the ticker: what came due between two looks is done at the second."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._next_look = 0.0
        self._looked = datetime.now(UTC)
        site.ticker.add(self._tick)

    def _tick(self) -> None:
        if time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + self._site.settings.scaling_seconds
        since, self._looked = self._looked, datetime.now(UTC)
        if models := sys.modules.get("moto.applicationautoscaling.models"):
            for _, _, backend in list(models.applicationautoscaling_backends.iter_backends()):
                for action in list(backend.scheduled_actions):
                    made = datetime.fromtimestamp(action.creation_time, UTC)
                    if self._due(action, action.schedule, action.timezone, since, made):
                        self._bound(action, backend)
        if models := sys.modules.get("moto.autoscaling.models"):
            for _, region, backend in list(models.autoscaling_backends.iter_backends()):
                for action in list(backend.scheduled_actions.values()):
                    if self._due(
                        action, action.recurrence or _moment(action.start_time), action.time_zone, since, since
                    ):
                        self._resize(action, backend, region)

    def _due(self, action: Any, expression: str, zone: str | None, since: datetime, made: datetime) -> bool:
        begins, ends = (_read(getattr(action, name)) for name in ("start_time", "end_time"))
        if (begins and self._looked < begins) or (ends and self._looked > ends):
            return False
        try:
            return is_due(expression, zone, max(since, made), self._looked, made)
        except ValueError as error:
            name = action.scheduled_action_name
            self._site.cloud.log.warning("a schedule cannot be read", action=name, reason=str(error))
            return False

    def _bound(self, action: Any, backend: Any) -> None:
        target = backend.targets.get(action.scalable_dimension, {}).get(action.resource_id)
        if target is None:
            return
        bounds = action.scalable_target_action or {}
        # None where the action leaves a bound alone; 0 is a bound.
        least, most = bounds.get("MinCapacity"), bounds.get("MaxCapacity")
        target.min_capacity = target.min_capacity if least is None else int(least)
        target.max_capacity = target.max_capacity if most is None else int(most)
        self._tell(action, action.resource_id, bounds)

    def _resize(self, action: Any, backend: Any, region: str) -> None:
        group = backend.autoscaling_groups.get(action.auto_scaling_group_name)
        if group is None:
            return
        given = {"MinSize": action.min_size, "MaxSize": action.max_size, "DesiredCapacity": action.desired_capacity}
        sizes = {name: size for name, size in given.items() if size is not None}
        least, most = sizes.get("MinSize", group.min_size), sizes.get("MaxSize", group.max_size)
        # Auto Scaling keeps the number of machines within its bounds.
        sizes["DesiredCapacity"] = min(max(sizes.get("DesiredCapacity", group.desired_capacity), least), most)
        if not action.recurrence:
            backend.scheduled_actions.pop(action.scheduled_action_name, None)  # Its only time is over.
        client = self._site.cloud.client("autoscaling", region)
        client.update_auto_scaling_group(AutoScalingGroupName=group.name, **sizes)
        self._tell(action, group.name, sizes)

    def _tell(self, action: Any, what: str, bounds: dict[str, Any]) -> None:
        self._site.cloud.log.info("scaled by schedule", action=action.scheduled_action_name, what=what, **bounds)


def _read(moment: Any) -> datetime | None:
    if not moment:
        return None
    found = moment if isinstance(moment, datetime) else datetime.fromisoformat(str(moment).replace("Z", "+00:00"))
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _moment(start: Any) -> str:
    """Return one moment as a schedule."""
    found = _read(start) or datetime.fromtimestamp(0, UTC)
    return f"at({found.astimezone(UTC).replace(tzinfo=None).isoformat()})"
