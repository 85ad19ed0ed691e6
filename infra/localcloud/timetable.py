"""When a schedule of AWS's is due: cron in five fields (EC2 Auto Scaling) or six (all others), a rate, or one moment.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html and, for five fields,
https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-scheduled-scaling.html
"""

import re
from collections.abc import Container, Iterator
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

CALL = re.compile(r"(cron|rate|at)\((.+)\)")
RATE = re.compile(r"(\d+) (minute|hour|day)s?")
PERIODS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}
# A day of the week, and neither a step nor which one of the month.
WEEKDAY = re.compile(r"(?<![/#\d])[1-7](?!\d)")
YEARS = range(1970, 2200)


def is_due(expression: str, zone: str | None, since: datetime, until: datetime, made: datetime) -> bool:
    """Tell whether a moment of the schedule lies after `since` and not after `until`; a rate counts from `made`.

    ValueError says what cannot be read.
    """
    found = CALL.fullmatch(expression)
    kind, words = (found[1], found[2]) if found else ("cron", expression)
    if kind == "rate":
        period = _period(words)
        return (until - made) // period > (since - made) // period
    local = ZoneInfo(zone) if zone else UTC
    if kind == "at":
        return since < datetime.fromisoformat(words).replace(tzinfo=local) <= until
    return any(moments(words, since.astimezone(local), until))


def _period(words: str) -> timedelta:
    if not (found := RATE.fullmatch(words)):
        raise ValueError(f"Rate expression is not valid: {words}")
    return int(found[1]) * PERIODS[found[2]]


def moments(words: str, since: datetime, until: datetime) -> Iterator[datetime]:
    """Return when a cron expression is due, on the clock that `since` goes by.

    ValueError says what cannot be read.
    """
    fields, years = words.replace("?", "*").split(), "*"
    if len(fields) not in (5, 6):
        raise ValueError(f"A cron expression has five or six fields: {words}")
    if len(fields) == 6:
        # Six fields count days from Sunday, 1; five do from Sunday, 0.
        *fields, weekdays, years = fields
        fields.append(WEEKDAY.sub(lambda day: str(int(day[0]) - 1), weekdays))
    known = _years(years)
    try:
        found = CronSim(" ".join(fields), since)
    except CronSimError as error:
        raise ValueError(f"Cron expression is not valid: {words} ({error})") from error
    return (moment for moment in takewhile(lambda moment: moment <= until, found) if moment.year in known)


def _years(field: str) -> Container[int]:
    """Return the years of a field: `*`, `2026`, `2026-2028`, `2026/2`, or several."""
    found: set[int] = set()
    for part in field.replace("*", f"{YEARS[0]}-{YEARS[-1]}").split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        end = int(last) if last else YEARS[-1] if step else int(first)
        found.update(range(int(first), end + 1, int(step or 1)))
    return found
