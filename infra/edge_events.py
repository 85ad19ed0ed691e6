"""What happens to a fleet's devices and jobs, as lines in CloudWatch Logs."""

from cdktf_cdktf_provider_aws.cloudwatch_log_group import CloudwatchLogGroup
from cdktf_cdktf_provider_aws.iot_topic_rule import (
    IotTopicRule,
    IotTopicRuleCloudwatchLogs,
)

from infra.edge_names import EdgeNames
from infra.edge_rules import SQL_VERSION, Lake, lost_message, rule_role
from infra.kept_logs import explain_short_log
from infra.role import Statement
from infra.spec import EdgeFleetSpec
from infra.toolkit import Construct

_EVENTS = {
    # What AWS publishes of itself, and the field by which a fleet knows its own.
    "jobs": ("$aws/events/job/#", "jobId"),
    "executions": ("$aws/events/jobExecution/#", "jobId"),
    "presence": ("$aws/events/presence/#", "clientId"),
}


class EdgeEvents(Construct):
    """Jobs, each device's part in them, and devices that come and go: AWS publishes what `EdgeAccount` asks for."""

    def __init__(self, scope: Construct, id: str, *, spec: EdgeFleetSpec, edge: EdgeNames, lake: Lake) -> None:
        super().__init__(scope, id)
        tags = {"model": spec.model}
        logs = CloudwatchLogGroup(
            self,
            "log_group",
            name=f"/aws/iot/{edge.prefix}events",
            retention_in_days=spec.keep_logs_days,
            kms_key_id=lake.key_arn,
            tags=tags,
        )
        explain_short_log(logs, spec.keep_logs_days, "what became of a device is asked within days of it")
        write = Statement(("logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"), (f"{logs.arn}:*",))
        role = rule_role(self, edge, "events", lake, write)
        for kind, (topic, owner) in _EVENTS.items():
            mine = f"startswith({owner}, '{edge.prefix}')"
            IotTopicRule(
                self,
                kind,
                name=edge.rule(kind),
                description=f"Events of {spec.name}: {kind}",
                enabled=True,
                sql=f"SELECT * FROM '{topic}' WHERE {mine}",  # noqa: S608  # no database, and all of it is ours
                sql_version=SQL_VERSION,
                cloudwatch_logs=[IotTopicRuleCloudwatchLogs(log_group_name=logs.name, role_arn=role.arn)],
                error_action=lost_message(edge, "events", lake, role),
                tags=tags,
            )
        self.log_group: str = logs.name
