"""Calls a function again and again."""

from cdktf_cdktf_provider_aws.cloudwatch_event_rule import CloudwatchEventRule
from cdktf_cdktf_provider_aws.cloudwatch_event_target import CloudwatchEventTarget
from cdktf_cdktf_provider_aws.lambda_permission import LambdaPermission

from infra.toolkit import Construct


class FunctionSchedule(Construct):
    """An EventBridge rule that may call a function, and does: `every` is ``1 hour`` or ``5 minutes``."""

    def __init__(
        self, scope: Construct, id: str, *, name: str, description: str, every: str, function_arn: str
    ) -> None:
        super().__init__(scope, id)
        rule = CloudwatchEventRule(
            self, "event_rule", name=name, description=description, schedule_expression=f"rate({every})"
        )
        LambdaPermission(
            self,
            "permission",
            function_name=function_arn,
            action="lambda:InvokeFunction",
            principal="events.amazonaws.com",
            source_arn=rule.arn,
        )
        CloudwatchEventTarget(self, "event_target", rule=rule.name, arn=function_arn, input="{}")
