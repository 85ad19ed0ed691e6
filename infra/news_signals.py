"""What tells whether the news of machines and jobs are read: the queue of those who start jobs, and what it gave up."""

from infra.naming import Names
from infra.page import Metric, Panel, Row, Series
from infra.watch import Watch

_HOUR, _DAY = 3600, 86400
# A day before SQS drops what nobody read.
_UNREAD_DAYS = 3


def news_watches(names: Names) -> tuple[Watch, ...]:
    """Return what is watched. News that nobody reads are lost after four days, and where no job runs nobody need."""
    oldest = Series.of("oldest message", _queue(names.job_events(), "ApproximateAgeOfOldestMessage"))
    dead = Series.of("given up", _queue(names.dead_job_events(), "ApproximateNumberOfMessagesVisible"))
    unread = Watch("unread", "seconds", oldest, _UNREAD_DAYS * _DAY, severity="info", period_seconds=_HOUR, periods=1)
    return (Watch("dead letters", "count", dead, 0, periods=1), unread)


def news_row(names: Names) -> Row:
    """Return the charts of a region's news."""
    dead, unread = news_watches(names)
    waiting = Series.of("messages", _queue(names.job_events(), "ApproximateNumberOfMessagesVisible"))
    return Row(
        f"News of machines and jobs in {names.region}",
        (
            unread.panel("Oldest that nobody has read", names.region),
            Panel("Waiting to be read", "count", names.region, (waiting,)),
            dead.panel("Given up after five reads", names.region),
        ),
    )


def _queue(name: str, metric: str) -> Metric:
    return Metric("AWS/SQS", metric, {"QueueName": name}, "Maximum")
