"""News of what AWS tells by events and not by figures: findings of watchers."""

import json
from collections.abc import Mapping

from cdktf_cdktf_provider_aws.cloudwatch_event_rule import CloudwatchEventRule
from cdktf_cdktf_provider_aws.cloudwatch_event_target import CloudwatchEventTarget

from infra.toolkit import Construct


class EventAlert(Construct):
    """Tells a topic of every event of a pattern. `name` is that of the rule, whose matches CloudWatch counts."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name: str,
        description: str,
        pattern: Mapping[str, object],
        topic_arn: str,
    ) -> None:
        super().__init__(scope, id)
        rule = CloudwatchEventRule(
            self, "event_rule", name=name, description=description, event_pattern=json.dumps(pattern)
        )
        CloudwatchEventTarget(self, "event_target", rule=rule.name, target_id="alerts", arn=topic_arn)
