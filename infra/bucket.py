"""S3 buckets: private, encrypted, versioned and reached over TLS only; or brought by somebody else."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from cdktf import Postcondition, TerraformResourceLifecycle
from cdktf_cdktf_provider_aws.data_aws_s3_bucket import DataAwsS3Bucket
from cdktf_cdktf_provider_aws.s3_bucket import S3Bucket
from cdktf_cdktf_provider_aws.s3_bucket_lifecycle_configuration import (
    S3BucketLifecycleConfiguration,
    S3BucketLifecycleConfigurationRule,
    S3BucketLifecycleConfigurationRuleAbortIncompleteMultipartUpload,
    S3BucketLifecycleConfigurationRuleExpiration,
    S3BucketLifecycleConfigurationRuleFilter,
    S3BucketLifecycleConfigurationRuleNoncurrentVersionExpiration,
)
from cdktf_cdktf_provider_aws.s3_bucket_object_lock_configuration import (
    S3BucketObjectLockConfigurationA,
    S3BucketObjectLockConfigurationRuleA,
    S3BucketObjectLockConfigurationRuleDefaultRetentionA,
)
from cdktf_cdktf_provider_aws.s3_bucket_policy import S3BucketPolicy
from cdktf_cdktf_provider_aws.s3_bucket_public_access_block import S3BucketPublicAccessBlock
from cdktf_cdktf_provider_aws.s3_bucket_server_side_encryption_configuration import (
    S3BucketServerSideEncryptionConfigurationA,
    S3BucketServerSideEncryptionConfigurationRuleA,
    S3BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultA,
)
from cdktf_cdktf_provider_aws.s3_bucket_versioning import S3BucketVersioningA, S3BucketVersioningVersioningConfiguration

from infra.naming import Names
from infra.role import Statement, policy
from infra.toolkit import Construct, skip_check

_DROP_BROKEN_UPLOADS_DAYS = 7
_NOTHING: Mapping[str, int] = MappingProxyType({})
_SKIPPED = {
    "CKV_AWS_18": "CloudTrail's data events tell who read and wrote, where the environment's audit says so",
    "CKV_AWS_144": "data stays in its region; what was overwritten or deleted is kept as an old version",
    "CKV2_AWS_62": "nothing waits for a single object: jobs are handed manifests of what they read",
}
_KEPT = {"CKV2_AWS_61": "the environment keeps old versions until somebody deletes them"}


class Bucket(Construct):
    """A bucket under the KMS key `key_arn`. Guarded, it is not destroyed, least of all with contents.

    What was overwritten or deleted stays readable for `old_versions_days`, or for as long as the bucket lives (None).
    For `keep_days` nobody can delete or overwrite anything at all, then it goes by itself. `statements` let others in.
    What lies below a prefix of `expire_days` goes after so many days.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name: str,
        key_arn: str,
        guarded: bool,
        old_versions_days: int | None,
        keep_days: int | None = None,
        expire_days: Mapping[str, int] = _NOTHING,
        statements: Sequence[Statement] = (),
    ) -> None:
        super().__init__(scope, id)
        bucket = S3Bucket(
            self,
            "bucket",
            bucket=name,
            force_destroy=not guarded,
            object_lock_enabled=True if keep_days else None,
            lifecycle=TerraformResourceLifecycle(prevent_destroy=guarded),
        )
        # The policy after the block: S3 refuses two changes of a bucket's access at a time.
        private = S3BucketPublicAccessBlock(
            self,
            "public_access_block",
            bucket=bucket.id,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
        )
        rules = policy(_deny_without_tls(bucket.arn), *statements)
        S3BucketPolicy(self, "policy", bucket=bucket.id, policy=rules, depends_on=[private])
        self._encrypt(bucket, key_arn)
        versioning = S3BucketVersioningA(
            self,
            "versioning",
            bucket=bucket.id,
            versioning_configuration=S3BucketVersioningVersioningConfiguration(status="Enabled"),
        )
        if keep_days is not None:
            self._lock(bucket, versioning, keep_days)
        lives = [] if old_versions_days is None else [_old_versions(old_versions_days, keep_days)]
        lives += [_expiry(*one) for one in sorted(expire_days.items())]
        self._end(bucket, versioning, lives)
        skip_check(bucket, **_SKIPPED, **({} if lives else _KEPT))
        self.name: str = bucket.bucket
        self.arn: str = bucket.arn

    def _end(
        self, bucket: S3Bucket, versioning: S3BucketVersioningA, lives: list[S3BucketLifecycleConfigurationRule]
    ) -> None:
        if lives:
            S3BucketLifecycleConfiguration(
                self, "lifecycle_configuration", bucket=bucket.id, rule=lives, depends_on=[versioning]
            )

    def _encrypt(self, bucket: S3Bucket, key_arn: str) -> None:
        default = S3BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultA(
            sse_algorithm="aws:kms", kms_master_key_id=key_arn
        )
        # A bucket key saves nearly all of the calls to KMS, which are billed one by one.
        rule = S3BucketServerSideEncryptionConfigurationRuleA(
            apply_server_side_encryption_by_default=default, bucket_key_enabled=True
        )
        S3BucketServerSideEncryptionConfigurationA(
            self, "server_side_encryption_configuration", bucket=bucket.id, rule=[rule]
        )

    def _lock(self, bucket: S3Bucket, versioning: S3BucketVersioningA, keep_days: int) -> None:
        # In governance mode an account's owner can still end the lock, where a wrong field would cost years of storage.
        # The boundary of every role refuses that right.
        retention = S3BucketObjectLockConfigurationRuleDefaultRetentionA(mode="GOVERNANCE", days=keep_days)
        S3BucketObjectLockConfigurationA(
            self,
            "object_lock_configuration",
            bucket=bucket.id,
            rule=S3BucketObjectLockConfigurationRuleA(default_retention=retention),
            depends_on=[versioning],
        )


class ExistingBucket(Construct):
    """A bucket that somebody else keeps, protects and pays for. A plan ends where it is in another region."""

    def __init__(self, scope: Construct, id: str, *, name: str, region: str) -> None:
        super().__init__(scope, id)
        bucket = DataAwsS3Bucket(
            self,
            "bucket",
            bucket=name,
            lifecycle=TerraformResourceLifecycle(
                postcondition=[
                    Postcondition(
                        condition=f'${{self.region == "{region}"}}',
                        error_message=f"existing things: bucket '{name}' is not in {region}; bring one of this region",
                    )
                ]
            ),
        )
        self.name: str = bucket.bucket
        self.arn: str = bucket.arn


def kept_in(
    scope: Construct,
    id: str,
    *,
    existing: str | None,
    names: Names,
    key_arn: str,
    guarded: bool,
    old_versions_days: int | None,
    expire_days: Mapping[str, int] = _NOTHING,
    statements: Sequence[Statement] = (),
) -> Bucket | ExistingBucket:
    """Take the bucket that is brought for the purpose `id`, or make one of that purpose."""
    if existing is not None:
        return ExistingBucket(scope, id, name=existing, region=names.region)
    return Bucket(
        scope,
        id,
        name=names.bucket(id),
        key_arn=key_arn,
        guarded=guarded,
        old_versions_days=old_versions_days,
        expire_days=expire_days,
        statements=statements,
    )


def put_only_what_is_new(bucket: str, folder: str) -> Statement:
    """Refuse to everybody to put an object of a folder where there is one: what is kept there stays as it is."""
    return Statement(
        ("s3:PutObject",),
        (f"arn:aws:s3:::{bucket}/{folder}/*",),
        effect="Deny",
        principal="*",
        condition={"Null": {"s3:if-none-match": "true"}},
    )


def _old_versions(old_versions_days: int, keep_days: int | None) -> S3BucketLifecycleConfigurationRule:
    return S3BucketLifecycleConfigurationRule(
        id="expire-what-was-replaced",
        status="Enabled",
        filter=[S3BucketLifecycleConfigurationRuleFilter(prefix="")],
        expiration=[S3BucketLifecycleConfigurationRuleExpiration(days=keep_days)] if keep_days else None,
        noncurrent_version_expiration=[
            S3BucketLifecycleConfigurationRuleNoncurrentVersionExpiration(noncurrent_days=old_versions_days)
        ],
        abort_incomplete_multipart_upload=[
            S3BucketLifecycleConfigurationRuleAbortIncompleteMultipartUpload(
                days_after_initiation=_DROP_BROKEN_UPLOADS_DAYS
            )
        ],
    )


def _expiry(prefix: str, days: int) -> S3BucketLifecycleConfigurationRule:
    return S3BucketLifecycleConfigurationRule(
        id=f"expire-{prefix.strip('/').replace('/', '-')}",
        status="Enabled",
        filter=[S3BucketLifecycleConfigurationRuleFilter(prefix=prefix)],
        expiration=[S3BucketLifecycleConfigurationRuleExpiration(days=days)],
    )


def _deny_without_tls(bucket_arn: str) -> Statement:
    return Statement(
        ("s3:*",),
        (bucket_arn, f"{bucket_arn}/*"),
        effect="Deny",
        principal="*",
        condition={"Bool": {"aws:SecureTransport": "false"}},
    )
