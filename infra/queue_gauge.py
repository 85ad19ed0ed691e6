"""What the gauge of the pools' queues is told, and what it may do: read what waits, and write its own figures alone."""

from collections.abc import Mapping, Sequence

from infra.naming import Names
from infra.queue_signals import NAMESPACE, pool_name
from infra.role import Statement
from infra.spec import GpuPoolSpec


def gauge_settings(pools: Sequence[GpuPoolSpec], names: Names) -> Mapping[str, object]:
    """Return the queues of each pool by name, and where their figures go."""
    named = {pool_name(names, pool.name): pool for pool in pools}
    return {"pools": {name: list(pool.queues(name)) for name, pool in named.items()}, "namespace": NAMESPACE}


def gauge_statements() -> tuple[Statement, ...]:
    """Return what the gauge needs. AWS knows no narrower resource for either."""
    own = {"StringEquals": {"cloudwatch:namespace": NAMESPACE}}
    return (Statement(("batch:ListJobs",)), Statement(("cloudwatch:PutMetricData",), condition=own))
