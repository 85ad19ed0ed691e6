"""EventBridge rules with a rate, which moto keeps and never fires: their functions are called when they are due."""

import json
import re
import sys
import time
from typing import Any

from infra.localcloud.machines.functions import Functions
from infra.localcloud.machines.site import Site

RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
MINUTES = {"minute": 1, "hour": 60, "day": 1440}
LOOK_SECONDS = 0.5


class Schedules:
    """Looks at the rules twice a second. Cron expressions are not fired: a laptop's cloud lives for minutes."""

    def __init__(self, site: Site, functions: Functions) -> None:
        self._functions = functions
        self._minute = site.settings.schedule_minute_seconds
        self._due: dict[str, float] = {}
        self._next_look = 0.0
        site.ticker.add(self._look)

    def _look(self) -> None:
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + LOOK_SECONDS
        rated = (rule for rule in _rules() if RATE.match(str(rule.scheduled_expression)))
        rules = {rule.arn: rule for rule in rated if rule.state == "ENABLED"}
        # A rule fires first one period after it was made, as on AWS.
        self._due = {arn: self._due.get(arn, now + self._period(rule)) for arn, rule in rules.items()}
        for arn, rule in rules.items():
            if now >= self._due[arn]:
                self._due[arn] = now + self._period(rule)
                self._fire(rule)

    def _period(self, rule: Any) -> float:
        count, unit = RATE.match(rule.scheduled_expression).groups()  # type: ignore[union-attr]
        return int(count) * MINUTES[unit] * self._minute

    def _fire(self, rule: Any) -> None:
        for target in list(rule.targets):
            if ":lambda:" in target["Arn"]:
                given = target.get("Input")
                event = json.loads(given) if given else {"source": "aws.events", "resources": [rule.arn]}
                self._functions.start_by_arn(target["Arn"], event)


def _rules() -> list[Any]:
    events = sys.modules.get("moto.events.models")
    if events is None:
        return []  # Nobody has made a rule, and loading the module only to see that takes a while.
    buses = [
        bus
        for _, _, backend in list(events.events_backends.iter_backends())
        for bus in list(backend.event_buses.values())
    ]
    return [rule for bus in buses for rule in list(bus.rules.values())]
