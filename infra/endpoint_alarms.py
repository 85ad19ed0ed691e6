"""Alarms on what the callers of an endpoint feel: errors and slowness."""

from cdktf_cdktf_provider_aws.cloudwatch_metric_alarm import (
    CloudwatchMetricAlarm,
    CloudwatchMetricAlarmMetricQuery,
    CloudwatchMetricAlarmMetricQueryMetric,
)

from infra.naming import Names
from infra.spec import EndpointSpec
from infra.spec.contract import VARIANT_NAME
from infra.toolkit import Construct

_PERIOD_SECONDS = 300


class EndpointAlarms(Construct):
    """Two alarms, by the bounds that the endpoint's spec promises. An idle endpoint sends no data and is well."""

    def __init__(self, scope: Construct, id: str, *, spec: EndpointSpec, names: Names, topic_arn: str) -> None:
        super().__init__(scope, id)
        self._name = names.regional(spec.name)
        self._dimensions = {"EndpointName": self._name, "VariantName": VARIANT_NAME}
        CloudwatchMetricAlarm(
            self,
            "errors",
            alarm_name=f"{self._name}-errors",
            alarm_description=f"More than {spec.max_error_percent} % of the calls to {self._name} fail",
            comparison_operator="GreaterThanThreshold",
            threshold=spec.max_error_percent,
            evaluation_periods=2,
            treat_missing_data="notBreaching",
            metric_query=[
                CloudwatchMetricAlarmMetricQuery(
                    id="percent", expression="100 * failed / calls", label="Failed calls in percent", return_data=True
                ),
                self._sum("failed", "Invocation5XXErrors"),
                self._sum("calls", "Invocations"),
            ],
            tags={"model": spec.model},
            alarm_actions=[topic_arn],
            ok_actions=[topic_arn],
        )
        CloudwatchMetricAlarm(
            self,
            "latency",
            alarm_name=f"{self._name}-latency",
            alarm_description=f"1 call in 100 to {self._name} takes longer than {spec.max_latency_ms} ms",
            comparison_operator="GreaterThanThreshold",
            namespace="AWS/SageMaker",
            metric_name="ModelLatency",
            extended_statistic="p99",
            # SageMaker reports microseconds.
            threshold=spec.max_latency_ms * 1000,
            period=_PERIOD_SECONDS,
            evaluation_periods=2,
            dimensions=self._dimensions,
            treat_missing_data="notBreaching",
            tags={"model": spec.model},
            alarm_actions=[topic_arn],
            ok_actions=[topic_arn],
        )

    def _sum(self, id: str, metric: str) -> CloudwatchMetricAlarmMetricQuery:
        return CloudwatchMetricAlarmMetricQuery(
            id=id,
            metric=CloudwatchMetricAlarmMetricQueryMetric(
                namespace="AWS/SageMaker",
                metric_name=metric,
                stat="Sum",
                period=_PERIOD_SECONDS,
                dimensions=self._dimensions,
            ),
        )
