"""What tells how an edge fleet does: updates that fail, devices that are away or silent, telemetry that gets lost.

AWS IoT counts what its rules do, by the rule's name. A job's figures stand under the job's id, which no alarm can know
beforehand: a rule of the fleet's own counts failures. Fleet metrics count devices in the index, once a minute.
https://docs.aws.amazon.com/iot/latest/developerguide/metrics_dimensions.html and iot-fleet-metrics.html
"""

from infra.edge_names import EdgeNames
from infra.page import Metric, Panel, Row, Series
from infra.spec import EdgeFleetSpec
from infra.watch import Watch

NAMESPACE = "Groundplan/Edge"
_HOUR = 3600


def failed_updates(edge: EdgeNames) -> Metric:
    """Return how many devices failed an update, were too slow for it, or refused it."""
    return Metric(NAMESPACE, f"{edge.fleet_name}-failed-updates", {}, "Sum")


def fleet_metric(name: str) -> Metric:
    """Return what a fleet metric counted last."""
    return Metric("IoTFleetMetrics", name, {"AggregationType": "count"}, "Maximum")


def fleet_watches(spec: EdgeFleetSpec, edge: EdgeNames) -> tuple[Watch, ...]:
    """Return what is watched of a fleet. A fleet without devices is well, and one whose nights are silent says so."""
    failed = Series.of("failed, too slow or refused", failed_updates(edge))
    watches = (
        Watch("failed updates", "count", failed, 0, period_seconds=_HOUR, periods=1),
        Watch("offline", "percent", _offline(edge), spec.max_offline_percent),
        Watch("lost telemetry", "count", _lost(edge), 0, period_seconds=_HOUR, periods=1),
    )
    if spec.telemetry.silent_minutes is None:
        return watches
    silence = Watch("silent", "count", _silent(edge), 0, period_seconds=60 * spec.telemetry.silent_minutes, periods=1)
    return (*watches, silence)


def fleet_row(spec: EdgeFleetSpec, edge: EdgeNames, region: str) -> Row:
    """Return the charts of one fleet."""
    failed, offline, lost, *_ = fleet_watches(spec, edge)
    devices = Series.of("devices", fleet_metric(edge.devices_metric))
    away = Series.of("offline", fleet_metric(edge.offline_metric))
    heard = Series.of("messages", _rule(edge, "TopicMatch"))
    return Row(
        f"{spec.name}: edge fleet in {region}",
        (
            Panel("Devices", "count", region, (devices, away)),
            offline.panel("Devices offline", region),
            failed.panel("Updates that failed", region, rare=True),
            Panel("Telemetry", "count", region, (heard, lost.series)),
        ),
    )


def _offline(edge: EdgeNames) -> Series:
    metrics = {"away": fleet_metric(edge.offline_metric), "devices": fleet_metric(edge.devices_metric)}
    return Series("offline", metrics, "IF(devices > 0, 100 * FILL(away, 0) / devices, 0)")


def _silent(edge: EdgeNames) -> Series:
    metrics = {"heard": _rule(edge, "TopicMatch"), "devices": fleet_metric(edge.devices_metric)}
    return Series("silent", metrics, "IF(devices > 0, IF(FILL(heard, 0) > 0, 0, 1), 0)")


def _lost(edge: EdgeNames) -> Series:
    metrics = {
        "refused": _rule(edge, "Failure", ActionType="Firehose"),
        "throttled": _rule(edge, "RuleMessageThrottled"),
        "unread": _rule(edge, "ParseError"),
    }
    return Series("lost", metrics, "FILL(refused, 0) + FILL(throttled, 0) + FILL(unread, 0)")


def _rule(edge: EdgeNames, name: str, **more: str) -> Metric:
    """Return a figure of the rule that carries telemetry."""
    return Metric("AWS/IoT", name, {**more, "RuleName": edge.rule("telemetry")}, "Sum")
