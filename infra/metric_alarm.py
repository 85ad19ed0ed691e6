"""One alarm on a line that is watched."""

from collections.abc import Mapping

from cdktf_cdktf_provider_aws.cloudwatch_metric_alarm import (
    CloudwatchMetricAlarm,
    CloudwatchMetricAlarmMetricQuery,
    CloudwatchMetricAlarmMetricQueryMetric,
)

from infra.page import Series
from infra.toolkit import Construct
from infra.watch import Watch


def alarm(scope: Construct, name: str, watch: Watch, topic_arn: str, tags: Mapping[str, str] | None) -> str:
    """Make the alarm of one watch of the thing `name`, and return what it is called."""
    what = watch.what.replace(" ", "-")
    made = CloudwatchMetricAlarm(
        scope,
        what,
        alarm_name=f"{name}-{what}",
        alarm_description=f"{name}: {watch.told}",
        comparison_operator="GreaterThanThreshold",
        threshold=watch.bound,
        evaluation_periods=watch.periods,
        treat_missing_data="breaching" if watch.silence_is_bad else "notBreaching",
        metric_query=queries(watch.series, watch.period_seconds),
        alarm_actions=[topic_arn],
        ok_actions=[topic_arn],
        tags=dict(tags) if tags else None,
    )
    return str(made.alarm_name)


def queries(series: Series, period_seconds: int) -> list[CloudwatchMetricAlarmMetricQuery]:
    """Return a line as an alarm asks for it: the metrics, and what is made of them."""
    asked = [
        CloudwatchMetricAlarmMetricQuery(
            id=id,
            return_data=None if series.expression else True,
            metric=CloudwatchMetricAlarmMetricQueryMetric(
                namespace=metric.namespace,
                metric_name=metric.name,
                stat=metric.statistic,
                period=period_seconds,
                dimensions=dict(metric.dimensions) or None,
            ),
        )
        for id, metric in series.metrics.items()
    ]
    if series.expression:
        line = CloudwatchMetricAlarmMetricQuery(
            id="line", expression=series.expression, label=series.label, return_data=True
        )
        asked.insert(0, line)
    return asked
