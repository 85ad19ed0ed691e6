"""What workflows may do in an account: a plan reads, a deploy makes, and neither touches what it stands on."""

from collections.abc import Sequence
from dataclasses import dataclass

from infra.naming import Names
from infra.role import Statement
from infra.spec import PREVIEW
from infra.spec.contract import EXPIRES

# A role may be handed to what this platform runs, and to nothing else.
_PASSED_TO = (
    *("application-autoscaling", "autoscaling", "batch", "budgets", "cloudtrail", "config", "ec2", "ecs-tasks"),
    *("events", "firehose", "iot", "lambda", "sagemaker", "scheduler", "states", "vpc-flow-logs"),
)

# What AWS keeps in one region for all of them.
_GLOBAL = (
    *("budgets:*", "ce:*", "cloudfront:*", "iam:*", "organizations:Describe*", "route53:*", "sts:*", "support:*"),
    *("tag:*", "waf:*"),
)


@dataclass(frozen=True)
class Ground:
    """What an environment stands on: its state, the key of it, the regions that it may use, and who pays for it."""

    names: Names
    regions: Sequence[str]
    state_bucket_arn: str
    state_key_arn: str
    # Where the organization's bill is another account's: the role there that reads it, for plans.
    payer_reader_arns: Sequence[str] = ()

    @property
    def own_iam(self) -> tuple[str, ...]:
        """The environment's own roles, policies and profiles, by the way that `naming.py` begins their names."""
        return self._iam(f"{self.names.project}-{self.names.environment}-*")

    @property
    def preview_iam(self) -> tuple[str, ...]:
        """The same of its previews."""
        return self._iam(f"{self.names.project}-{self.names.environment}{PREVIEW}*-*")

    def _iam(self, named: str) -> tuple[str, ...]:
        kinds = ("role", "policy", "instance-profile")
        return tuple(f"arn:aws:iam::{self.names.account_id}:{kind}/{named}" for kind in kinds)

    @property
    def bootstrap_iam(self) -> tuple[str, ...]:
        """The roles and the boundary that the bootstrap made."""
        account = self.names.account_id
        kinds = {"role": ("plan", "deploy", "reap", "preview", "pipelines"), "policy": ("workflows", "pipelines")}
        return tuple(
            f"arn:aws:iam::{account}:{kind}/{self.names.role(purpose)}" for kind in kinds for purpose in kinds[kind]
        )


def boundary(ground: Ground) -> tuple[Statement, ...]:
    """What is refused to every workflow."""
    used = sorted({*ground.regions, ground.names.region, "us-east-1"})
    return (
        _deny(("organizations:*", "account:*", "aws-portal:*")),
        # People and long-lived keys are not made by a pipeline.
        _deny(("iam:CreateUser", "iam:CreateAccessKey", "iam:CreateLoginProfile", "iam:*SAMLProvider*")),
        # Whom the account trusts is not theirs to change; the doctor of a pull request reads it.
        _deny(tuple(f"iam:{verb}*OpenIDConnectProvider*" for verb in _CHANGES)),
        _deny(_CHANGE_IAM, ground.bootstrap_iam),
        _deny(("s3:DeleteBucket*", "s3:PutBucket*", "s3:PutEncryption*"), (ground.state_bucket_arn,)),
        _deny(("s3:DeleteObjectVersion",), (f"{ground.state_bucket_arn}/*",)),
        _deny(("kms:ScheduleKeyDeletion", "kms:DisableKey", "kms:PutKeyPolicy"), (ground.state_key_arn,)),
        Statement(
            (),
            effect="Deny",
            not_actions=_GLOBAL,
            condition={"StringNotEquals": {"aws:RequestedRegion": used}},
        ),
    )


def plan(ground: Ground) -> tuple[Statement, ...]:
    """A plan reads what there is and the state, and no data: what it reads may be shown in a pull request."""
    state = f"{ground.state_bucket_arn}/*"
    return (
        Statement(("s3:GetObject",), (state,)),
        Statement(("kms:Decrypt",), (ground.state_key_arn,)),
        # It keeps the plan that a deploy will apply, whose name is the hash of what is in it (ci/changes/saved.py).
        Statement(("s3:PutObject",), (f"{ground.state_bucket_arn}/{ground.names.environment}/plans/*",)),
        Statement(("kms:GenerateDataKey",), (ground.state_key_arn,)),
        *(Statement(("sts:AssumeRole",), (arn,)) for arn in ground.payer_reader_arns),
        Statement(
            ("s3:GetObject", "s3:GetObjectVersion"),
            (),
            effect="Deny",
            not_resources=(state,),
        ),
        _deny(("secretsmanager:GetSecretValue", "sqs:ReceiveMessage", "kinesis:GetRecords", "logs:GetLogEvents")),
    )


def deploy(ground: Ground) -> tuple[Statement, ...]:
    """A deploy makes what it wants, except in IAM: there only what bears the environment's name."""
    return _makes(ground, ground.own_iam)


def preview(ground: Ground) -> tuple[Statement, ...]:
    """A preview is deployed from code that nobody has reviewed: it makes its own, and leaves its elder alone."""
    own = {"aws:ResourceTag/project": ground.names.project, "aws:ResourceTag/environment": ground.names.environment}
    state = ("kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey")
    return (
        *_makes(ground, ground.preview_iam),
        Statement((), effect="Deny", not_actions=state, condition={"StringEquals": own}),
        _deny(
            ("s3:DeleteObject", "s3:GetObject", "s3:PutObject"),
            (f"{ground.state_bucket_arn}/{ground.names.environment}/*",),
        ),
    )


def reap(ground: Ground) -> tuple[Statement, ...]:
    """The clock ends the environment's own that says when it is over: what `groundplan burst run` made, no other."""
    own = {"aws:ResourceTag/project": ground.names.project, "aws:ResourceTag/environment": ground.names.environment}
    over = {"StringEquals": own, "Null": {f"aws:ResourceTag/{EXPIRES}": "false"}}
    return (
        Statement(
            (
                *("batch:DeleteComputeEnvironment", "batch:DeleteJobQueue", "batch:UpdateComputeEnvironment"),
                *("batch:UpdateJobQueue", "ec2:CancelCapacityReservation", "ssm:DeleteParameter"),
            ),
            tuple(f"arn:aws:{service}:*:{ground.names.account_id}:*" for service in ("batch", "ec2", "ssm")),
            condition=over,
        ),
        _deny(("s3:GetObject", "s3:GetObjectVersion", "secretsmanager:GetSecretValue", "sqs:ReceiveMessage")),
    )


def _makes(ground: Ground, own_iam: tuple[str, ...]) -> tuple[Statement, ...]:
    account = ground.names.account_id
    passed = {"iam:PassedToService": [f"{service}.amazonaws.com" for service in _PASSED_TO]}
    return (
        Statement((*_READ_IAM, *_CHANGE_IAM), own_iam),
        Statement(("iam:PassRole",), own_iam[:1], condition={"StringEquals": passed}),
        Statement(("iam:CreateServiceLinkedRole",), (f"arn:aws:iam::{account}:role/aws-service-role/*",)),
    )


_CHANGES = ("Add", "Create", "Delete", "Remove", "Tag", "Untag", "Update")
_READ_IAM = ("iam:Get*", "iam:List*")
_CHANGE_IAM = (
    *("iam:AddRoleToInstanceProfile", "iam:AttachRolePolicy", "iam:CreateInstanceProfile", "iam:CreatePolicy"),
    *("iam:CreatePolicyVersion", "iam:CreateRole", "iam:DeleteInstanceProfile", "iam:DeletePolicy"),
    *("iam:DeletePolicyVersion", "iam:DeleteRole", "iam:DeleteRolePermissionsBoundary", "iam:DeleteRolePolicy"),
    *("iam:DetachRolePolicy", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"),
    *("iam:RemoveRoleFromInstanceProfile", "iam:SetDefaultPolicyVersion", "iam:TagInstanceProfile", "iam:TagPolicy"),
    *("iam:TagRole", "iam:UntagInstanceProfile", "iam:UntagPolicy", "iam:UntagRole", "iam:UpdateAssumeRolePolicy"),
    *("iam:UpdateRole", "iam:UpdateRoleDescription"),
)


def _deny(actions: Sequence[str], resources: Sequence[str] = ("*",)) -> Statement:
    return Statement(actions, resources, effect="Deny")
