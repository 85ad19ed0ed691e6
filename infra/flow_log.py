"""A record of who spoke to whom in a VPC, which nobody can change and which is kept for as long as the law wants."""

from cdktf_cdktf_provider_aws.cloudwatch_log_group import CloudwatchLogGroup
from cdktf_cdktf_provider_aws.flow_log import FlowLog

from infra.kept_logs import explain_short_log
from infra.naming import Names
from infra.role import Role, Statement
from infra.spec import FlowLogSpec
from infra.toolkit import Construct

# With the fields that tell a flow from the container that caused it, beside AWS's default ones.
_FORMAT = " ".join(
    # A second dollar, or Terraform would take it for an expression of its own.
    f"$${{{field}}}"
    for field in (
        *("version", "account-id", "interface-id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol", "packets"),
        *("bytes", "start", "end", "action", "log-status", "vpc-id", "subnet-id", "instance-id", "flow-direction"),
        *("pkt-srcaddr", "pkt-dstaddr", "traffic-path"),
    )
)


class FlowLogGroup(Construct):
    """A flow log of the VPC `vpc_id` in CloudWatch Logs, under the key `key_arn`."""

    def __init__(
        self, scope: Construct, id: str, *, spec: FlowLogSpec, vpc_id: str, names: Names, key_arn: str
    ) -> None:
        super().__init__(scope, id)
        name = f"/{names.project}/{names.environment}/network/flows"
        group = CloudwatchLogGroup(self, "log_group", name=name, retention_in_days=spec.kept_days, kms_key_id=key_arn)
        explain_short_log(group, spec.kept_days, "who spoke to whom is asked within days, where no law wants more")
        write = ("logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams")
        role = Role(
            self,
            "writer",
            name=names.role("flow-logs"),
            service="vpc-flow-logs.amazonaws.com",
            for_account=names.account_id,
            statements=(Statement(write, (group.arn, f"{group.arn}:*")),),
        )
        _flow_log(self, spec, vpc_id, names, "cloud-watch-logs", group.arn, role.arn)


class FlowLogArchive(Construct):
    """A flow log of the VPC `vpc_id` in the bucket that the spec names, under this environment's own prefix.

    The bucket's owner lets `delivery.logs.amazonaws.com` write there, and encrypts it with a key that this may use.
    """

    def __init__(self, scope: Construct, id: str, *, spec: FlowLogSpec, vpc_id: str, names: Names) -> None:
        super().__init__(scope, id)
        where = f"arn:aws:s3:::{spec.bucket}/{names.project}/{names.environment}/"
        _flow_log(self, spec, vpc_id, names, "s3", where, None)


def _flow_log(
    scope: Construct, spec: FlowLogSpec, vpc_id: str, names: Names, kind: str, destination: str, role_arn: str | None
) -> None:
    FlowLog(
        scope,
        "flow_log",
        vpc_id=vpc_id,
        traffic_type=spec.traffic,
        max_aggregation_interval=spec.interval_seconds,
        log_destination_type=kind,
        log_destination=destination,
        iam_role_arn=role_arn,
        log_format=_FORMAT,
        tags={"Name": names.regional(f"flows-{spec.bucket or 'group'}")},
    )
