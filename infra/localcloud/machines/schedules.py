"""EventBridge rules on a schedule, a rate or a cron expression, which moto keeps and never fires."""

import sys
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, TypeVar

from infra.localcloud.machines.event_bus import new_event, run_rule
from infra.localcloud.machines.site import Site
from infra.localcloud.timetable import is_due

LOOK_SECONDS = 0.5


class ScheduledRule(Protocol):
    """What a look has to know of a rule, as moto names it."""

    arn: str
    scheduled_expression: str | None
    state: str


Rule = TypeVar("Rule", bound=ScheduledRule)


class DueRules:
    """Tells at each look which rules came due since the last one. `unreadable` hears of a schedule and why, once."""

    def __init__(self, unreadable: Callable[[str, str], None]) -> None:
        self._unreadable = unreadable
        self._refused: set[tuple[str, str]] = set()
        # Since when each rule has had its schedule: that is what a rate counts from.
        self._since: dict[tuple[str, str], datetime] = {}
        self._looked: datetime | None = None

    def look(self, rules: Iterable[Rule], now: datetime) -> list[Rule]:
        """Return those that are due. One that is seen for the first time counts from now."""
        looked, self._looked = self._looked or now, now
        known = {
            (rule.arn, rule.scheduled_expression): rule
            for rule in rules
            if rule.scheduled_expression and rule.state == "ENABLED"
        }
        self._since = {key: self._since.get(key, now) for key in known}
        return [rule for key, rule in known.items() if self._is_due(*key, looked, now)]

    def _is_due(self, arn: str, expression: str, looked: datetime, now: datetime) -> bool:
        made = self._since[arn, expression]
        try:
            return is_due(expression, None, max(looked, made), now, made)
        except ValueError as error:
            if (arn, expression) not in self._refused:
                self._refused.add((arn, expression))
                self._unreadable(arn, str(error))
            return False


class Schedules:
    """Looks at the rules twice a second, and hands what is due to its targets."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._due = DueRules(self._warn)
        self._begun, self._next_look = datetime.now(UTC), 0.0
        site.ticker.add(self._tick)

    def _tick(self) -> None:
        if time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + LOOK_SECONDS
        now = self._now()
        for rule in self._due.look(_rules(), now):
            where = (rule.account_id, rule.region_name)
            run_rule(self._site.cloud, rule, new_event(*where, "aws.events", "Scheduled Event", {}, [rule.arn], now))

    def _now(self) -> datetime:
        """The time on the clock of schedules, whose minutes the cloud's settings may have made short."""
        passed = (datetime.now(UTC) - self._begun).total_seconds()
        return self._begun + timedelta(seconds=passed * 60 / self._site.settings.schedule_minute_seconds)

    def _warn(self, rule: str, reason: str) -> None:
        self._site.cloud.log.warning("a schedule cannot be read", rule=rule, reason=reason)


def _rules() -> list[Any]:
    events = sys.modules.get("moto.events.models")
    if events is None:
        return []  # Nobody has made a rule, and loading the module only to see that takes a while.
    backends = [backend for _, _, backend in list(events.events_backends.iter_backends())]
    # Only the default bus has schedules.
    return [rule for backend in backends for rule in list(backend.event_buses["default"].rules.values())]
