"""News of failed jobs. Batch publishes no metrics of its queues, but an event for each change of a job's state."""

import json
from collections.abc import Sequence

from cdktf_cdktf_provider_aws.cloudwatch_event_rule import CloudwatchEventRule
from cdktf_cdktf_provider_aws.cloudwatch_event_target import CloudwatchEventTarget

from infra.naming import Names
from infra.toolkit import Construct


class QueueAlarm(Construct):
    """Tells the topic of every job of a pool's queues that failed for good, its retries spent."""

    def __init__(
        self, scope: Construct, id: str, *, pool: str, queue_arns: Sequence[str], names: Names, topic_arn: str
    ) -> None:
        super().__init__(scope, id)
        pattern = {
            "source": ["aws.batch"],
            "detail-type": ["Batch Job State Change"],
            "detail": {"status": ["FAILED"], "jobQueue": list(queue_arns)},
        }
        rule = CloudwatchEventRule(
            self,
            "event_rule",
            name=names.regional(f"pool-{pool}-failed"),
            description=f"A job of the pool {pool} failed",
            event_pattern=json.dumps(pattern),
        )
        CloudwatchEventTarget(self, "event_target", rule=rule.name, target_id="alarms", arn=topic_arn)
