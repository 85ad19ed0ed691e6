"""What an auditor may do: see settings, read the records and the log of model changes, and no other content."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from infra.role import Statement

if TYPE_CHECKING:
    from infra.access_policies import Reach

_READ_OBJECTS = ("s3:GetObject", "s3:GetObjectVersion")
_READ_DATA = (
    *("dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan"),
    *("kinesis:GetRecords", "sagemaker-featurestore-runtime:GetRecord"),
    *("sagemaker:GetRecord", "sagemaker:InvokeEndpoint", "sqs:ReceiveMessage"),
)
# Whose settings there are to see; all that begins with these words reads.
_SERVICES = (
    *("access-analyzer", "application-autoscaling", "autoscaling", "batch", "budgets", "ce", "cloudtrail"),
    *("cloudwatch", "config", "dynamodb", "ec2", "ecr", "elasticfilesystem", "events", "firehose", "guardduty", "iam"),
    *("iot", "kms", "lambda", "logs", "macie2", "s3", "sagemaker", "scheduler", "servicequotas", "sns", "sqs", "ssm"),
    *("sts", "tag", "wafv2"),
)
_READS = ("BatchGet", "Describe", "Get", "List", "View")
_LOOKS = ("apigateway:GET", "cloudtrail:LookupEvents", "iam:SimulatePrincipalPolicy", "kms:Decrypt")


def audit(reach: "Reach") -> tuple[Statement, ...]:
    """Return what an auditor is allowed; AWS's own policies for auditors, beside this one, show the settings."""
    logs = [f"{kept.artifact_bucket}/audit/*" for kept in reach.kept]
    readable = [*(f"{one.bucket}/*" for one in reach.records), *logs]
    contracts = reach.anything("ssm", f"parameter/{reach.project}/{reach.environment}/*")
    return (
        Statement(("s3:GetObject",), readable),
        *(Statement(("kms:Decrypt",), (one.key,)) for one in reach.records),
        # S3 may use the keys for an auditor, who may not.
        Statement(("kms:Decrypt",), reach.anything("kms", "key/*"), condition=reach.through_s3),
        Statement(("ssm:GetParameter",), contracts),
        Statement(("cloudtrail:LookupEvents", "ce:GetCostAndUsage")),
        Statement(_READ_OBJECTS, (), effect="Deny", not_resources=readable),
        Statement(_READ_DATA, effect="Deny"),
    )


def bound_of_auditors() -> Sequence[Statement]:
    """Return the most that an auditor may be given: AWS's ReadOnlyAccess would let nobody read what is encrypted."""
    reads = [f"{service}:{word}*" for service in _SERVICES for word in _READS]
    return (Statement([*reads, *_LOOKS]),)
