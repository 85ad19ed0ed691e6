"""Which of EventBridge's rules are due, on a clock that the test turns."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from infra.localcloud.machines.schedules import DueRules

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Rule:
    arn: str
    scheduled_expression: str | None
    state: str = "ENABLED"


class Clock:
    """Turns the clock on and tells what came due, and what could not be read."""

    def __init__(self) -> None:
        self.refused: list[str] = []
        self._due = DueRules(lambda rule, reason: self.refused.append(rule))
        self._now = NOON

    def after(self, *rules: Rule, **passed: float) -> list[str]:
        self._now += timedelta(**passed)
        return [rule.arn for rule in self._due.look(rules, self._now)]


def test_each_rule_fires_by_its_own_schedule_and_once() -> None:
    clock = Clock()
    rules = (Rule("hourly", "rate(1 hour)"), Rule("nightly", "cron(0 6 * * ? *)"), Rule("by-event", None))
    assert clock.after(*rules) == []
    assert clock.after(*rules, minutes=59) == []
    assert clock.after(*rules, minutes=1) == ["hourly"]
    assert clock.after(*rules, seconds=1) == []
    assert clock.after(*rules, hours=17) == ["hourly", "nightly"]
    assert clock.after(*rules, seconds=1) == []


def test_a_rate_counts_from_when_the_rule_got_it() -> None:
    clock, rule = Clock(), Rule("a", "rate(10 minutes)")
    assert clock.after() == []
    assert clock.after(rule, minutes=7) == []
    assert clock.after(rule, minutes=9) == []
    assert clock.after(rule, minutes=1) == ["a"]
    changed = replace(rule, scheduled_expression="rate(5 minutes)")
    assert clock.after(changed, minutes=9) == []
    assert clock.after(changed, minutes=5) == ["a"]


def test_a_rule_that_is_switched_off_misses_its_time() -> None:
    clock, rule = Clock(), Rule("a", "cron(30 12 * * ? *)")
    off = replace(rule, state="DISABLED")
    assert clock.after(rule) == []
    assert clock.after(off, hours=1) == []
    assert clock.after(rule) == []
    assert clock.after(rule, hours=24) == ["a"]


def test_what_cannot_be_read_is_said_once_and_keeps_no_other_rule_waiting() -> None:
    clock = Clock()
    rules = (Rule("odd", "cron(0 12 3W * ? *)"), Rule("daily", "rate(1 day)"))
    assert clock.after(*rules) == []
    assert clock.after(*rules, days=1) == ["daily"]
    assert clock.refused == ["odd"]
