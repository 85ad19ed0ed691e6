"""CloudTrail: who did what, in all regions, in files that nobody can change."""

from collections.abc import Sequence

from cdktf_cdktf_provider_aws.cloudtrail import (
    Cloudtrail,
    CloudtrailAdvancedEventSelector,
    CloudtrailAdvancedEventSelectorFieldSelector,
)
from cdktf_cdktf_provider_aws.cloudwatch_log_group import CloudwatchLogGroup

from infra.naming import Names
from infra.role import Role, Statement
from infra.spec.audit import AuditSpec
from infra.toolkit import Construct, skip_check

_KEEP_LOGS_DAYS = 365


class Trail(Construct):
    """A trail with validated files in `bucket`, and a copy in CloudWatch Logs to search in and to raise alarms on.

    Of the buckets `data_arns` each read and write is recorded too, if `spec` says so.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        names: Names,
        bucket: str,
        key_arn: str,
        spec: AuditSpec,
        data_arns: Sequence[str],
    ) -> None:
        super().__init__(scope, id)
        name = names.regional("trail")
        group = CloudwatchLogGroup(
            self, "log_group", name=f"/{name}", retention_in_days=_KEEP_LOGS_DAYS, kms_key_id=key_arn
        )
        write = ("logs:CreateLogStream", "logs:PutLogEvents")
        writer = Role(
            self,
            "writer",
            name=names.role("trail"),
            service="cloudtrail.amazonaws.com",
            for_account=names.account_id,
            statements=(Statement(write, (f"{group.arn}:log-stream:*",)),),
        )
        trail = Cloudtrail(
            self,
            "cloudtrail",
            name=name,
            s3_bucket_name=bucket,
            kms_key_id=key_arn,
            is_multi_region_trail=True,
            include_global_service_events=True,
            enable_log_file_validation=True,
            cloud_watch_logs_group_arn=f"{group.arn}:*",
            cloud_watch_logs_role_arn=writer.arn,
            advanced_event_selector=_selectors(data_arns if spec.object_events else ()),
        )
        skip_check(trail, CKV_AWS_252="a message for every file of records would tell nobody anything")
        self.log_group_name: str = group.name


def trail_arn(names: Names) -> str:
    """Return the ARN that the trail will have: key and bucket must know it before there is a trail."""
    return f"arn:aws:cloudtrail:{names.region}:{names.account_id}:trail/{names.regional('trail')}"


def statements_for_key(names: Names) -> tuple[Statement, ...]:
    """Return what a key's policy must allow so that the trail, and AWS Config, can write under it."""
    own_trail = {
        "StringEquals": {"aws:SourceArn": trail_arn(names)},
        "StringLike": {"kms:EncryptionContext:aws:cloudtrail:arn": f"arn:aws:cloudtrail:*:{names.account_id}:trail/*"},
    }
    own_account = {"StringEquals": {"aws:SourceAccount": names.account_id}}
    trail, config = {"Service": "cloudtrail.amazonaws.com"}, {"Service": "config.amazonaws.com"}
    return (
        Statement(("kms:GenerateDataKey*",), principal=trail, condition=own_trail),
        Statement(
            ("kms:DescribeKey",), principal=trail, condition={"StringEquals": {"aws:SourceArn": trail_arn(names)}}
        ),
        Statement(("kms:Decrypt", "kms:GenerateDataKey*"), principal=config, condition=own_account),
    )


def statements_for_bucket(names: Names, bucket: str) -> tuple[Statement, ...]:
    """Return what the policy of the bucket named `bucket` must allow: records of the trail and of AWS Config."""
    arn = f"arn:aws:s3:::{bucket}"
    own_trail = {"StringEquals": {"aws:SourceArn": trail_arn(names)}}
    own_account = {"StringEquals": {"aws:SourceAccount": names.account_id}}
    owned = {"s3:x-amz-acl": "bucket-owner-full-control"}
    trail, config = {"Service": "cloudtrail.amazonaws.com"}, {"Service": "config.amazonaws.com"}
    files = f"{arn}/AWSLogs/{names.account_id}/*"
    return (
        Statement(("s3:GetBucketAcl",), (arn,), principal=trail, condition=own_trail),
        Statement(
            ("s3:PutObject",),
            (files,),
            principal=trail,
            condition={"StringEquals": {**own_trail["StringEquals"], **owned}},
        ),
        Statement(("s3:GetBucketAcl", "s3:ListBucket"), (arn,), principal=config, condition=own_account),
        Statement(
            ("s3:PutObject",),
            (files,),
            principal=config,
            condition={"StringEquals": {**own_account["StringEquals"], **owned}},
        ),
    )


def _selectors(object_arns: Sequence[str]) -> list[CloudtrailAdvancedEventSelector]:
    management = CloudtrailAdvancedEventSelector(
        name="Every call that changes or shows settings", field_selector=[_is("eventCategory", "Management")]
    )
    within = CloudtrailAdvancedEventSelectorFieldSelector(
        field="resources.ARN", starts_with=[f"{arn}/" for arn in object_arns]
    )
    objects = CloudtrailAdvancedEventSelector(
        name="Each read and write of the data",
        field_selector=[_is("eventCategory", "Data"), _is("resources.type", "AWS::S3::Object"), within],
    )
    return [management, objects] if object_arns else [management]


def _is(field: str, value: str) -> CloudtrailAdvancedEventSelectorFieldSelector:
    return CloudtrailAdvancedEventSelectorFieldSelector(field=field, equal_to=[value])
