"""KMS keys: one that encrypts what an environment keeps, made or brought, and one that signs what it releases."""

from collections.abc import Sequence

from cdktf import Postcondition, TerraformResourceLifecycle
from cdktf_cdktf_provider_aws.data_aws_kms_key import DataAwsKmsKey
from cdktf_cdktf_provider_aws.kms_alias import KmsAlias
from cdktf_cdktf_provider_aws.kms_key import KmsKey

from infra.naming import Names
from infra.role import Statement, policy
from infra.toolkit import Construct

# A guarded key can be rescued for a month; KMS takes no less than a week.
_GUARDED_DAYS, _UNGUARDED_DAYS = 30, 7


class EncryptionKey(Construct):
    """A key that turns by itself each year, ruled by the account's IAM. Logs, alarms and events may write under it.

    `statements` let others in.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        names: Names,
        purpose: str,
        guarded: bool,
        statements: Sequence[Statement] = (),
    ) -> None:
        super().__init__(scope, id)
        key = KmsKey(
            self,
            "key",
            description=f"Encrypts the {purpose} of {names.project} {names.environment}",
            enable_key_rotation=True,
            deletion_window_in_days=_GUARDED_DAYS if guarded else _UNGUARDED_DAYS,
            policy=policy(_by_account(names), *_by_services(names), *statements),
            lifecycle=TerraformResourceLifecycle(prevent_destroy=guarded),
        )
        KmsAlias(self, "alias", name=f"alias/{names.regional(purpose)}", target_key_id=key.key_id)
        self.arn: str = key.arn


class ExistingKey(Construct):
    """A key that somebody else keeps. A plan ends where it is disabled, or is for signatures."""

    def __init__(self, scope: Construct, id: str, *, arn: str) -> None:
        super().__init__(scope, id)
        key = DataAwsKmsKey(
            self,
            "key",
            key_id=arn,
            lifecycle=TerraformResourceLifecycle(
                postcondition=[
                    Postcondition(
                        condition='${self.enabled && self.key_spec == "SYMMETRIC_DEFAULT"}',
                        error_message=f"existing things: key_arn='{arn}' is disabled or cannot encrypt; "
                        "bring a symmetric key that is enabled",
                    )
                ]
            ),
        )
        self.arn: str = key.arn


def encryption_key(
    scope: Construct, id: str, *, existing_arn: str | None, names: Names, purpose: str, guarded: bool
) -> EncryptionKey | ExistingKey:
    """Take the key that is brought, or make one."""
    if existing_arn is not None:
        return ExistingKey(scope, id, arn=existing_arn)
    return EncryptionKey(scope, id, names=names, purpose=purpose, guarded=guarded)


class SigningKey(Construct):
    """A P-256 key whose private half never leaves KMS: what it signed was released by who may use it."""

    def __init__(self, scope: Construct, id: str, *, names: Names, purpose: str, guarded: bool) -> None:
        super().__init__(scope, id)
        key = KmsKey(
            self,
            "key",
            description=f"Signs the {purpose} of {names.project} {names.environment}",
            key_usage="SIGN_VERIFY",
            customer_master_key_spec="ECC_NIST_P256",
            deletion_window_in_days=_GUARDED_DAYS if guarded else _UNGUARDED_DAYS,
            policy=policy(_by_account(names)),
            lifecycle=TerraformResourceLifecycle(prevent_destroy=guarded),
        )
        KmsAlias(self, "alias", name=f"alias/{names.regional(purpose)}", target_key_id=key.key_id)
        self.arn: str = key.arn


def _by_account(names: Names) -> Statement:
    return Statement(("kms:*",), principal={"AWS": f"arn:aws:iam::{names.account_id}:root"})


def _by_services(names: Names) -> tuple[Statement, ...]:
    own_logs = f"arn:aws:logs:{names.region}:{names.account_id}:log-group:*"
    return (
        Statement(
            ("kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"),
            principal={"Service": f"logs.{names.region}.amazonaws.com"},
            condition={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": own_logs}},
        ),
        Statement(
            ("kms:Decrypt", "kms:GenerateDataKey*"),
            principal={"Service": ["budgets.amazonaws.com", "cloudwatch.amazonaws.com"]},
            condition={"StringEquals": {"aws:SourceAccount": names.account_id}},
        ),
        # EventBridge names no source when it publishes to an encrypted topic, so a condition would shut it out.
        Statement(("kms:Decrypt", "kms:GenerateDataKey*"), principal={"Service": "events.amazonaws.com"}),
    )
