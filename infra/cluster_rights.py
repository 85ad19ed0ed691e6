"""What the machines of a cluster may do in AWS, and nothing beside it."""

from collections.abc import Sequence

from infra.naming import Names
from infra.role import PULL_IMAGE, Statement
from infra.spec.clusters import METRIC_NAMESPACE
from infra.spec.contract import ClusterContract

# The few rights of AmazonSSMManagedInstanceCore that a session needs; the policy as such would read every parameter.
_SESSIONS = (
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
)


def worker_rights(
    names: Names, contract: ClusterContract, *, repository_arn: str, reads: Sequence[str], writes: str, key_arn: str
) -> tuple[Statement, ...]:
    """Return the rights of a worker: be reached, pull its image, log, read data, write its part of a bucket, drain."""
    return _member_rights(names, contract, contract.workers_group, repository_arn, reads, writes, key_arn)


def head_rights(
    names: Names,
    contract: ClusterContract,
    *,
    repository_arn: str,
    reads: Sequence[str],
    writes: str,
    key_arn: str,
    zone_arn: str,
) -> tuple[Statement, ...]:
    """Return the rights of the head: those of a worker, and to write its address, ask for workers and end idle ones."""
    own_record = {"route53:ChangeResourceRecordSetsNormalizedRecordNames": contract.head_address}
    return (
        *_member_rights(names, contract, contract.head_group, repository_arn, reads, writes, key_arn),
        Statement(
            ("route53:ChangeResourceRecordSets",), (zone_arn,), condition={"ForAllValues:StringEquals": own_record}
        ),
        Statement(
            ("cloudwatch:PutMetricData",), condition={"StringEquals": {"cloudwatch:namespace": METRIC_NAMESPACE}}
        ),
        Statement(("autoscaling:DescribeAutoScalingGroups",)),
        Statement(("autoscaling:TerminateInstanceInAutoScalingGroup",), (_group_arn(names, contract.workers_group),)),
    )


def _member_rights(
    names: Names,
    contract: ClusterContract,
    group: str,
    repository_arn: str,
    reads: Sequence[str],
    writes: str,
    key_arn: str,
) -> tuple[Statement, ...]:
    place = f"{names.region}:{names.account_id}"
    return (
        Statement(_SESSIONS),
        Statement(("ssm:UpdateInstanceInformation",), (f"arn:aws:ec2:{place}:instance/*",)),
        Statement(("ecr:GetAuthorizationToken",)),
        Statement(PULL_IMAGE, (repository_arn,)),
        Statement(
            ("logs:CreateLogStream", "logs:PutLogEvents"), (f"arn:aws:logs:{place}:log-group:{contract.log_group}:*",)
        ),
        Statement(("autoscaling:CompleteLifecycleAction",), (_group_arn(names, group),)),
        Statement(("s3:ListBucket",), tuple(reads)),
        Statement(("s3:GetObject",), tuple(f"{bucket}/*" for bucket in reads)),
        Statement(("s3:PutObject", "s3:AbortMultipartUpload"), (f"{writes}/{contract.artifact_prefix}*",)),
        # Of a run only the last few checkpoints are kept.
        Statement(("s3:DeleteObject",), (f"{writes}/{contract.artifact_prefix}*checkpoints/*",)),
        Statement(("kms:Decrypt", "kms:GenerateDataKey"), (key_arn,)),
    )


def _group_arn(names: Names, group: str) -> str:
    # The middle of a group's ARN is known only when it is made, and is new whenever it is made again.
    return f"arn:aws:autoscaling:{names.region}:{names.account_id}:autoScalingGroup:*:autoScalingGroupName/{group}"
