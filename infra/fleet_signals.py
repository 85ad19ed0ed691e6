"""What tells how an edge fleet does: updates that fail, devices that are away or silent, telemetry late or lost.

AWS IoT counts what its rules do, by the rule's name. A job's figures stand under the job's id, which no alarm can know
beforehand: a rule of the fleet's own counts failures. Fleet metrics count devices in the index, once a minute.
https://docs.aws.amazon.com/iot/latest/developerguide/metrics_dimensions.html and iot-fleet-metrics.html
Firehose tells how old its oldest record is, and AWS wants an alarm where that passes what it may buffer:
https://docs.aws.amazon.com/firehose/latest/dev/firehose-cloudwatch-metrics-best-practices.html
"""

from infra.edge_names import EdgeNames
from infra.page import Metric, Panel, Row, Series
from infra.spec import EdgeFleetSpec
from infra.watch import Watch

NAMESPACE = "Groundplan/Edge"
_HOUR = 3600
# How much longer than its buffer a stream may keep a record: S3 may say no for a moment, and is asked again.
_LATE_SECONDS = 300


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
        Watch("late telemetry", "seconds", _age(edge), spec.telemetry.buffer_seconds + _LATE_SECONDS),
    )
    if spec.telemetry.silent_minutes is None:
        return watches
    silence = Watch("silent", "count", _silent(edge), 0, period_seconds=60 * spec.telemetry.silent_minutes, periods=1)
    return (*watches, silence)


def fleet_rows(spec: EdgeFleetSpec, edge: EdgeNames, region: str) -> tuple[Row, Row]:
    """Return the charts of one fleet: of its devices, and of what they send."""
    failed, offline, lost, late, *_ = fleet_watches(spec, edge)
    devices = Series.of("devices", fleet_metric(edge.devices_metric))
    away = Series.of("offline", fleet_metric(edge.offline_metric))
    heard = Series.of("messages", _rule(edge, "TopicMatch"))
    refused = Series("refused by S3", {"success": _delivery(edge, "Success", "Average")}, "100 * (1 - success)")
    return (
        Row(
            f"{spec.name}: edge fleet in {region}",
            (
                Panel("Devices", "count", region, (devices, away)),
                offline.panel("Devices offline", region),
                failed.panel("Updates that failed", region, rare=True),
            ),
        ),
        Row(
            f"{spec.name}: telemetry in {region}",
            (
                Panel("Telemetry", "count", region, (heard, lost.series)),
                late.panel("On its way to the lake", region),
                Panel("Writes into the lake", "percent", region, (refused,)),
            ),
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


def _age(edge: EdgeNames) -> Series:
    return Series.of("oldest record", _delivery(edge, "DataFreshness", "Maximum"))


def _delivery(edge: EdgeNames, name: str, statistic: str) -> Metric:
    """Return a figure of the stream that carries telemetry into the lake."""
    return Metric("AWS/Firehose", f"DeliveryToS3.{name}", {"DeliveryStreamName": edge.telemetry_stream}, statistic)


def _rule(edge: EdgeNames, name: str, **more: str) -> Metric:
    """Return a figure of the rule that carries telemetry."""
    return Metric("AWS/IoT", name, {**more, "RuleName": edge.rule("telemetry")}, "Sum")
