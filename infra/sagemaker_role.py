"""The role that SageMaker takes to run a container of ours: it reads and writes what it is told, and nothing else."""

from collections.abc import Sequence

from infra.naming import Names
from infra.role import PULL_IMAGE, Role, Statement
from infra.toolkit import Construct

# What it takes to place a container in a VPC. EC2 knows no narrower resource for the second group.
_JOIN_NETWORK = (
    "ec2:CreateNetworkInterface",
    "ec2:CreateNetworkInterfacePermission",
    "ec2:DeleteNetworkInterface",
    "ec2:DeleteNetworkInterfacePermission",
)
_SEE_NETWORK = (
    "ec2:DescribeDhcpOptions",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
)


class SageMakerRole(Construct):
    """An execution role for `purpose`: `reads` are ARNs of buckets, `writes` of buckets or folders under one key."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        names: Names,
        purpose: str,
        reads: Sequence[str],
        writes: Sequence[str] = (),
        more: Sequence[Statement] = (),
        key_arn: str,
        repository_arn: str,
        log_groups: str,
        in_network: bool = False,
    ) -> None:
        super().__init__(scope, id)
        logs = f"arn:aws:logs:{names.region}:{names.account_id}:log-group:{log_groups}"
        statements = [
            Statement(("s3:ListBucket",), tuple(reads)),
            Statement(("s3:GetObject",), tuple(f"{bucket}/*" for bucket in reads)),
            Statement(("kms:Decrypt",), (key_arn,)),
            # The disks of its instances are encrypted by EC2, which is handed a grant for just that.
            Statement(("kms:CreateGrant",), (key_arn,), condition={"Bool": {"kms:GrantIsForAWSResource": "true"}}),
            Statement(("ecr:GetAuthorizationToken",)),
            Statement(PULL_IMAGE, (repository_arn,)),
            Statement(("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"), (logs, f"{logs}:*")),
            Statement(
                ("cloudwatch:PutMetricData",), condition={"StringLike": {"cloudwatch:namespace": "/aws/sagemaker/*"}}
            ),
        ]
        if writes:
            objects = tuple(f"{bucket}/*" for bucket in writes)
            statements.append(Statement(("s3:PutObject", "s3:AbortMultipartUpload"), objects))
            statements.append(Statement(("kms:GenerateDataKey",), (key_arn,)))
        if in_network:
            parts = ("network-interface", "subnet", "security-group")
            here = tuple(f"arn:aws:ec2:{names.region}:{names.account_id}:{part}/*" for part in parts)
            statements += [Statement(_JOIN_NETWORK, here), Statement(_SEE_NETWORK)]
        statements += more
        role = Role(
            self,
            "execution",
            name=names.role(purpose),
            service="sagemaker.amazonaws.com",
            for_account=names.account_id,
            statements=statements,
        )
        self.arn: str = role.arn
