"""Alarms on what an endpoint promises: how fast its errors use up what is forgiven, latency, and room for more."""

from collections.abc import Mapping
from dataclasses import dataclass

from cdktf_cdktf_provider_aws.cloudwatch_composite_alarm import CloudwatchCompositeAlarm
from cdktf_cdktf_provider_aws.cloudwatch_metric_alarm import CloudwatchMetricAlarm

from infra.endpoint_signals import endpoint_signals
from infra.metric_alarm import alarm, queries
from infra.naming import Names
from infra.page import Series
from infra.spec import EndpointSpec
from infra.spec.alerts import Severity
from infra.toolkit import Construct


@dataclass(frozen=True)
class Burn:
    """Failures `factor` times as frequent as is forgiven, in a long and in a short window: the short one ends it soon.

    https://sre.google/workbook/alerting-on-slos/, "Multiwindow, Multi-Burn-Rate Alerts": at 14.4 a month's errors are
    made in two days, at 6 in five.
    """

    name: str
    severity: Severity
    factor: float
    windows: Mapping[str, int]


BURNS = (
    Burn("failing-fast", "page", 14.4, {"1h": 3600, "5m": 300}),
    Burn("failing-slowly", "ticket", 6, {"6h": 21600, "30m": 1800}),
)


class EndpointAlarms(Construct):
    """The alarms of one endpoint, by the bounds in its spec. An idle endpoint sends no data and is well."""

    def __init__(
        self, scope: Construct, id: str, *, spec: EndpointSpec, names: Names, topic_arns: Mapping[Severity, str]
    ) -> None:
        super().__init__(scope, id)
        self._name, self._tags, self._topic_arns = names.regional(spec.name), {"model": spec.model}, topic_arns
        signals = endpoint_signals(spec, self._name)
        burning = [self._burn(burn, signals.failed_percent, spec.max_error_percent) for burn in BURNS]
        above = [
            alarm(self, self._name, watch, topic_arns[watch.severity], self._tags)
            for watch in (signals.latency, signals.saturation)
        ]
        self.alarm_names: list[str] = [*burning, *above]

    def _burn(self, burn: Burn, failed: Series, forgiven_percent: float) -> str:
        # However much is forgiven, an endpoint that answers nothing fails.
        bound = min(100.0, burn.factor * forgiven_percent)
        windows = [
            CloudwatchMetricAlarm(
                self,
                f"{burn.name}-{window}",
                alarm_name=f"{self._name}-{burn.name}-{window}",
                alarm_description=f"{bound:g} % or more of the calls to {self._name} failed within {window}",
                comparison_operator="GreaterThanOrEqualToThreshold",
                threshold=bound,
                evaluation_periods=1,
                treat_missing_data="notBreaching",
                metric_query=queries(failed, seconds),
                tags=self._tags,
            )
            for window, seconds in burn.windows.items()
        ]
        topic_arn = self._topic_arns[burn.severity]
        whole = CloudwatchCompositeAlarm(
            self,
            burn.name,
            alarm_name=f"{self._name}-{burn.name}",
            alarm_description=f"{self._name} fails {burn.factor:g} times as often as is forgiven",
            alarm_rule=" AND ".join(f'ALARM("{alarm.alarm_name}")' for alarm in windows),
            alarm_actions=[topic_arn],
            ok_actions=[topic_arn],
            tags=self._tags,
        )
        return str(whole.alarm_name)
