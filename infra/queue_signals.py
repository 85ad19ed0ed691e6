"""How the queues of a GPU pool do. Batch publishes no figures: EventBridge counts news of it, a gauge what waits."""

from collections.abc import Mapping, Sequence
from typing import Literal

from infra.naming import Names
from infra.page import Metric, Panel, Row, Series
from infra.spec import GpuPoolSpec
from infra.watch import Watch

NAMESPACE = "Groundplan/Queues"
"""Of what infra/functions/gauges measures."""

QueueNews = Literal["failed", "blocked"]
WHAT_A_QUEUE_TELLS: tuple[QueueNews, ...] = ("failed", "blocked")
_TITLES: Mapping[QueueNews, str] = {"failed": "Jobs failed for good", "blocked": "Queue blocked: nothing can start"}


def pool_name(names: Names, pool: str) -> str:
    """Return the name of a pool's queue, by which its figures go too."""
    return names.regional(f"pool-{pool}")


def pool_watch(spec: GpuPoolSpec, names: Names) -> Watch:
    """Return how long the first job that could run may be without a machine."""
    waits = Series.of(spec.name, _waiting("OldestWaitSeconds", names, spec.name))
    return Watch("oldest wait", "seconds", waits, 60.0 * spec.max_wait_minutes, periods=1)


def pool_rule(names: Names, pool: str, what: QueueNews) -> str:
    """Return the name of the rule that hears of a pool's queues."""
    return names.regional(f"pool-{pool}-{what}")


def rule_matches(rule: str) -> Metric:
    """Return how often a rule matched; there is no figure until it does for the first time."""
    return Metric("AWS/Events", "TriggeredRules", {"RuleName": rule}, "Sum")


def pools_row(pools: Sequence[GpuPoolSpec], names: Names) -> Row:
    """Return the charts of a region's pools."""
    waiting = tuple(Series.of(pool.name, _waiting("JobsWaiting", names, pool.name)) for pool in pools)
    first, *others = (pool_watch(pool, names) for pool in pools)
    news = (
        Panel(
            _TITLES[what],
            "count",
            names.region,
            tuple(Series.of(pool.name, rule_matches(pool_rule(names, pool.name, what))) for pool in pools),
            rare=True,
        )
        for what in WHAT_A_QUEUE_TELLS
    )
    panels = (
        Panel("Jobs that wait for a machine", "count", names.region, waiting),
        first.panel("The first of them has waited", names.region, *(watch.series for watch in others)),
        *news,
    )
    return Row(f"GPU pools in {names.region}", panels)


def _waiting(name: str, names: Names, pool: str) -> Metric:
    return Metric(NAMESPACE, name, {"Pool": pool_name(names, pool)}, "Maximum")
