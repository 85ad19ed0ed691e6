"""News of a pool's queues. Batch publishes no figures of them, neither length nor age, but events to count."""

import json
from collections.abc import Mapping, Sequence

from cdktf_cdktf_provider_aws.cloudwatch_event_rule import CloudwatchEventRule
from cdktf_cdktf_provider_aws.cloudwatch_event_target import CloudwatchEventTarget
from cdktf_cdktf_provider_aws.cloudwatch_metric_alarm import CloudwatchMetricAlarm

from infra.naming import Names
from infra.queue_signals import WHAT_A_QUEUE_TELLS, QueueNews, pool_rule, rule_matches
from infra.toolkit import Construct


class PoolAlarms(Construct):
    """Tells of every job that failed for good and of every queue that is blocked.

    The alarms stay on for an hour after that: what happens in a moment is seen by those who look later.
    """

    def __init__(
        self, scope: Construct, id: str, *, pool: str, queue_arns: Sequence[str], names: Names, topic_arn: str
    ) -> None:
        super().__init__(scope, id)
        self.alarm_names: list[str] = []
        for what in WHAT_A_QUEUE_TELLS:
            rule = CloudwatchEventRule(
                self,
                f"{what}-rule",
                name=pool_rule(names, pool, what),
                description=f"In a queue of pool {pool}: {what}",
                event_pattern=json.dumps(_pattern(what, queue_arns)),
            )
            CloudwatchEventTarget(self, f"{what}-target", rule=rule.name, target_id="alerts", arn=topic_arn)
            self.alarm_names.append(self._recently(what, pool, rule.name))

    def _recently(self, what: QueueNews, pool: str, rule_name: str) -> str:
        matches = rule_matches(rule_name)
        alarm = CloudwatchMetricAlarm(
            self,
            f"{what}-alarm",
            alarm_name=rule_name,
            alarm_description=f"In a queue of pool {pool} within the last hour: {what}",
            comparison_operator="GreaterThanThreshold",
            threshold=0,
            evaluation_periods=1,
            period=3600,
            namespace=matches.namespace,
            metric_name=matches.name,
            dimensions=dict(matches.dimensions),
            statistic=matches.statistic,
            treat_missing_data="notBreaching",
        )
        return str(alarm.alarm_name)


def _pattern(what: QueueNews, queue_arns: Sequence[str]) -> Mapping[str, object]:
    """Return the events that tell it.

    https://docs.aws.amazon.com/batch/latest/userguide/batch-job-events.html and batch-job-queue-blocked-events.html
    """
    queues = list(queue_arns)
    kinds: Mapping[QueueNews, tuple[str, Mapping[str, object]]] = {
        "failed": ("Batch Job State Change", {"status": ["FAILED"], "jobQueue": queues}),
        "blocked": ("Batch Job Queue Blocked", {"jobQueue": queues}),
    }
    kind, detail = kinds[what]
    return {"source": ["aws.batch"], "detail-type": [kind], "detail": detail}
