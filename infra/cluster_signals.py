"""What tells how a cluster does: a head that is there, as many workers as it must have, and work that waits for more.

Auto Scaling counts machines in service, which are those that joined Ray: a machine that does not join is abandoned.
"""

from infra.naming import Names
from infra.page import Metric, Panel, Row, Series
from infra.spec import ClusterSpec
from infra.spec.clusters import METRIC_NAME, METRIC_NAMESPACE
from infra.watch import Watch

_PERIOD_SECONDS = 300
# The head tells how many workers its work needs, in percent of those that the group was told to have.
_ENOUGH_PERCENT = 100


def cluster_name(names: Names, cluster: str) -> str:
    """Name what alarms of a cluster are called after."""
    return names.regional(f"cluster-{cluster}")


def head_group(names: Names, cluster: str) -> str:
    """Name the group of a cluster's head."""
    return names.regional(f"cluster-{cluster}-head")


def workers_group(names: Names, cluster: str) -> str:
    """Name the group of a cluster's workers."""
    return names.regional(f"cluster-{cluster}-workers")


def cluster_watches(spec: ClusterSpec, names: Names) -> tuple[Watch, ...]:
    """Return what is watched of a cluster. Without its head nothing runs on it, whatever else is there."""
    periods = spec.max_wait_minutes * 60 // _PERIOD_SECONDS
    return (
        Watch("no head", "count", _missing(head_group(names, spec.name)), 0, severity="page", silence_is_bad=True),
        Watch("too few workers", "count", _missing(workers_group(names, spec.name)), 0),
        Watch("waiting work", "percent", _wanted(spec, names), _ENOUGH_PERCENT, periods=periods),
    )


def cluster_row(spec: ClusterSpec, names: Names) -> Row:
    """Return the charts of one cluster."""
    head, workers = head_group(names, spec.name), workers_group(names, spec.name)
    *_, waiting = cluster_watches(spec, names)
    told = ("GroupDesiredCapacity", "wanted"), ("GroupPendingInstances", "starting"), ("GroupMinSize", "at least")
    machines = tuple(Series.of(label, _group(workers, name, "Maximum")) for name, label in told)
    return Row(
        f"{spec.name}: cluster in {names.region}",
        (
            Panel("Head", "count", names.region, (Series.of("in service", _in_service(head)),)),
            Panel("Workers", "count", names.region, (Series.of("in service", _in_service(workers)), *machines)),
            waiting.panel("Workers that the work needs", names.region),
        ),
    )


def _missing(group: str) -> Series:
    metrics = {"least": _group(group, "GroupMinSize", "Maximum"), "there": _in_service(group)}
    return Series("missing", metrics, "least - there")


def _wanted(spec: ClusterSpec, names: Names) -> Series:
    dimensions = {"AutoScalingGroupName": workers_group(names, spec.name)}
    return Series.of("of those there are", Metric(METRIC_NAMESPACE, METRIC_NAME, dimensions, "Average"))


def _in_service(group: str) -> Metric:
    return _group(group, "GroupInServiceInstances", "Minimum")


def _group(group: str, name: str, statistic: str) -> Metric:
    return Metric("AWS/AutoScaling", name, {"AutoScalingGroupName": group}, statistic)
