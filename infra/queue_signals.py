"""How the queues of a GPU pool do. Batch publishes no figures, but EventBridge counts what a rule matched."""

from collections.abc import Mapping, Sequence
from typing import Literal

from infra.naming import Names
from infra.page import Metric, Panel, Row, Series

QueueNews = Literal["failed", "blocked"]
WHAT_A_QUEUE_TELLS: tuple[QueueNews, ...] = ("failed", "blocked")
_TITLES: Mapping[QueueNews, str] = {"failed": "Jobs failed for good", "blocked": "Queue blocked: nothing can start"}


def pool_rule(names: Names, pool: str, what: QueueNews) -> str:
    """Return the name of the rule that hears of a pool's queues."""
    return names.regional(f"pool-{pool}-{what}")


def rule_matches(rule: str) -> Metric:
    """Return how often a rule matched; there is no figure until it does for the first time."""
    return Metric("AWS/Events", "TriggeredRules", {"RuleName": rule}, "Sum")


def pools_row(pools: Sequence[str], names: Names) -> Row:
    """Return the charts of a region's pools, given by name."""
    panels = tuple(
        Panel(
            _TITLES[what],
            "count",
            names.region,
            tuple(Series.of(pool, rule_matches(pool_rule(names, pool, what))) for pool in pools),
            rare=True,
        )
        for what in WHAT_A_QUEUE_TELLS
    )
    return Row(f"GPU pools in {names.region}", panels)
