"""Calls the reaper every hour."""

from cdktf_cdktf_provider_aws.cloudwatch_event_rule import CloudwatchEventRule
from cdktf_cdktf_provider_aws.cloudwatch_event_target import CloudwatchEventTarget
from cdktf_cdktf_provider_aws.lambda_permission import LambdaPermission

from infra.naming import Names
from infra.toolkit import Construct


class ReaperSchedule(Construct):
    """An EventBridge rule that may call the reaper, and does."""

    def __init__(self, scope: Construct, id: str, *, names: Names, reaper_arn: str) -> None:
        super().__init__(scope, id)
        rule = CloudwatchEventRule(
            self,
            "event_rule",
            name=names.regional("reaper"),
            description="Ends what has outlived its ttl tag",
            schedule_expression="rate(1 hour)",
        )
        LambdaPermission(
            self,
            "permission",
            function_name=reaper_arn,
            action="lambda:InvokeFunction",
            principal="events.amazonaws.com",
            source_arn=rule.arn,
        )
        CloudwatchEventTarget(self, "event_target", rule=rule.name, arn=reaper_arn, input="{}")
