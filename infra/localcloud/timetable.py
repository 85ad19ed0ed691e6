"""When a schedule of AWS's is due: cron in five fields (EC2 Auto Scaling) or six (all others), a rate, or one moment.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html and, for five fields,
https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-scheduled-scaling.html
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

CALL = re.compile(r"(cron|rate|at)\((.+)\)")
RATE = re.compile(r"(\d+) (minute|hour|day)s?")
MINUTE = timedelta(minutes=1)
PERIODS = {"minute": MINUTE, "hour": timedelta(hours=1), "day": timedelta(days=1)}
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
# Who looks more rarely than this has been asleep; nobody wants to hear of all that was due meanwhile.
LONGEST_LOOK_BACK = timedelta(days=1)


def is_due(expression: str, zone: str | None, since: datetime, until: datetime, made: datetime) -> bool:
    """Tell whether a moment of the schedule lies after `since` and not after `until`; a rate counts from `made`.

    ValueError says what cannot be read.
    """
    found = CALL.fullmatch(expression)
    kind, words = (found[1], found[2]) if found else ("cron", expression)
    if kind == "rate":
        period = _period(words)
        return (until - made) // period > (since - made) // period
    local = ZoneInfo(zone or "UTC")
    if kind == "at":
        return since < datetime.fromisoformat(words).replace(tzinfo=local) <= until
    cron = Cron.read(words)
    return any(
        cron.holds(moment.astimezone(local)) for moment in _minutes(max(since, until - LONGEST_LOOK_BACK), until)
    )


def _period(words: str) -> timedelta:
    if not (found := RATE.fullmatch(words)):
        raise ValueError(f"Rate expression is not valid: {words}")
    return int(found[1]) * PERIODS[found[2]]


def _minutes(since: datetime, until: datetime) -> Iterator[datetime]:
    moment = since.astimezone(UTC).replace(second=0, microsecond=0) + MINUTE
    while moment <= until:
        yield moment
        moment += MINUTE


@dataclass(frozen=True)
class Cron:
    """The minutes, hours, days, months and years of a schedule. Where it names days in two ways, either will do."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    years: frozenset[int]
    either_day: bool

    @classmethod
    def read(cls, words: str) -> "Cron":
        """Read five or six fields."""
        fields = words.split()
        if len(fields) not in (5, 6):
            raise ValueError(f"A cron expression has five or six fields: {words}")
        minutes, hours, days, months, weekdays, *years = fields
        # With six fields Sunday is 1, with five it is 0 and also 7; here it is 0.
        first = 1 if years else 0
        return cls(
            minutes=_set(minutes, 0, 59),
            hours=_set(hours, 0, 23),
            days=_set(days, 1, 31),
            months=_set(months, 1, 12, MONTHS, first=1),
            weekdays=frozenset((day - first) % 7 for day in _set(weekdays, first, 7, DAYS, first=first)),
            years=_set(years[0] if years else "*", 1970, 2199),
            either_day="*" not in (days, weekdays) and "?" not in (days, weekdays),
        )

    def holds(self, moment: datetime) -> bool:
        """Tell whether a minute is one of them, on the clock that the schedule goes by."""
        days = (moment.day in self.days, moment.isoweekday() % 7 in self.weekdays)
        return (
            moment.minute in self.minutes
            and moment.hour in self.hours
            and moment.month in self.months
            and moment.year in self.years
            and (any if self.either_day else all)(days)
        )


def _set(field: str, least: int, most: int, names: tuple[str, ...] = (), first: int = 0) -> frozenset[int]:
    """Return the numbers of a field: `*`, `5`, `MON-FRI`, `0,30`, `*/15`."""
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        begin, _, end = span.partition("-")
        if span in ("*", "?"):
            low, high = least, most
        else:
            low = _number(begin, names, first)
            high = _number(end, names, first) if end else (most if step else low)
        if not least <= low <= high <= most:
            raise ValueError(f"{part!r} is not within {least} to {most}")
        found.update(range(low, high + 1, int(step or 1)))
    return frozenset(found)


def _number(word: str, names: tuple[str, ...], first: int) -> int:
    if word.upper() in names:
        return names.index(word.upper()) + first
    if not word.isdigit():
        raise ValueError(f"The embedded cloud cannot read {word!r} in a schedule")
    return int(word)
