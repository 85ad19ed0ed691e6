"""AWS's own watchers of an account in one region: GuardDuty, AWS Config, Access Analyzer and Macie."""

from collections.abc import Mapping

from cdktf_cdktf_provider_aws.accessanalyzer_analyzer import AccessanalyzerAnalyzer
from cdktf_cdktf_provider_aws.config_config_rule import ConfigConfigRule, ConfigConfigRuleSource
from cdktf_cdktf_provider_aws.config_configuration_recorder import (
    ConfigConfigurationRecorder,
    ConfigConfigurationRecorderRecordingGroup,
)
from cdktf_cdktf_provider_aws.config_configuration_recorder_status import ConfigConfigurationRecorderStatus
from cdktf_cdktf_provider_aws.config_delivery_channel import (
    ConfigDeliveryChannel,
    ConfigDeliveryChannelSnapshotDeliveryProperties,
)
from cdktf_cdktf_provider_aws.guardduty_detector import GuarddutyDetector
from cdktf_cdktf_provider_aws.guardduty_detector_feature import GuarddutyDetectorFeature
from cdktf_cdktf_provider_aws.iam_role_policy_attachment import IamRolePolicyAttachment
from cdktf_cdktf_provider_aws.macie2_account import Macie2Account

from infra.naming import Names
from infra.role import Role, Statement
from infra.spec.alerts import Severity
from infra.spec.audit import AuditSpec
from infra.toolkit import Construct, skip_check

# AWS Config's own rules: what no stack of ours breaks, and what somebody may break by hand.
_RULES: Mapping[str, str] = {
    "buckets-refuse-plain-http": "S3_BUCKET_SSL_REQUESTS_ONLY",
    "buckets-are-not-public": "S3_BUCKET_LEVEL_PUBLIC_ACCESS_PROHIBITED",
    "keys-turn": "CMK_BACKING_KEY_ROTATION_ENABLED",
    "machines-want-tokens": "EC2_IMDSV2_CHECK",
    "people-have-second-factor": "IAM_USER_MFA_ENABLED",
    "root-has-second-factor": "ROOT_ACCOUNT_MFA_ENABLED",
    "trail-is-on": "CLOUD_TRAIL_ENABLED",
    "volumes-are-encrypted": "ENCRYPTED_VOLUMES",
}
_FEATURES = ("S3_DATA_EVENTS", "EBS_MALWARE_PROTECTION")


class AccountWatch(Construct):
    """The watchers that `spec` asks for. AWS Config delivers into `bucket`, which may be in another region."""

    def __init__(self, scope: Construct, id: str, *, spec: AuditSpec, names: Names, bucket: str, is_home: bool) -> None:
        super().__init__(scope, id)
        if spec.guard_duty:
            self._look_for_intruders()
        if spec.config:
            self._record_settings(names, bucket, is_home)
        if spec.access_analyzer:
            AccessanalyzerAnalyzer(
                self, "accessanalyzer_analyzer", analyzer_name=names.regional("outsiders"), type="ACCOUNT"
            )
        if spec.macie:
            Macie2Account(self, "macie2_account", status="ENABLED", finding_publishing_frequency="ONE_HOUR")

    def _look_for_intruders(self) -> None:
        detector = GuarddutyDetector(
            self, "guardduty_detector", enable=True, finding_publishing_frequency="FIFTEEN_MINUTES"
        )
        skip_check(detector, CKV2_AWS_3="on in every region of this environment; the company's is its own to turn on")
        for feature in _FEATURES:
            GuarddutyDetectorFeature(self, feature.lower(), detector_id=detector.id, name=feature, status="ENABLED")

    def _record_settings(self, names: Names, bucket: str, is_home: bool) -> None:
        files = f"arn:aws:s3:::{bucket}/AWSLogs/{names.account_id}/Config/*"
        role = Role(
            self,
            "recorder",
            name=names.role("config"),
            service="config.amazonaws.com",
            for_account=names.account_id,
            statements=(
                Statement(("s3:GetBucketAcl", "s3:ListBucket"), (f"arn:aws:s3:::{bucket}",)),
                Statement(("s3:PutObject",), (files,)),
            ),
        )
        # What AWS Config may look at, kept up to date by AWS.
        reads = IamRolePolicyAttachment(
            self, "reads", role=role.name, policy_arn="arn:aws:iam::aws:policy/service-role/AWS_ConfigRole"
        )
        recorder = ConfigConfigurationRecorder(
            self,
            "config_configuration_recorder",
            name=names.regional("settings"),
            role_arn=role.arn,
            recording_group=ConfigConfigurationRecorderRecordingGroup(
                all_supported=True, include_global_resource_types=is_home
            ),
            depends_on=[reads],
        )
        if not is_home:
            skip_check(recorder, CKV2_AWS_48="IAM is the same seen from any region: the first one records it")
        channel = ConfigDeliveryChannel(
            self,
            "config_delivery_channel",
            name=names.regional("settings"),
            s3_bucket_name=bucket,
            snapshot_delivery_properties=ConfigDeliveryChannelSnapshotDeliveryProperties(
                delivery_frequency="TwentyFour_Hours"
            ),
            depends_on=[recorder],
        )
        running = ConfigConfigurationRecorderStatus(
            self, "recorder_status", name=recorder.name, is_enabled=True, depends_on=[channel]
        )
        for name, identifier in _RULES.items():
            ConfigConfigRule(
                self,
                name,
                name=names.regional(name),
                source=ConfigConfigRuleSource(owner="AWS", source_identifier=identifier),
                depends_on=[running],
            )


FINDINGS: Mapping[str, tuple[Severity, Mapping[str, object]]] = {
    "intruder": (
        "page",
        {
            "source": ["aws.guardduty"],
            "detail-type": ["GuardDuty Finding"],
            # 7 and above is high: https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_findings-severity.html
            "detail": {"severity": [{"numeric": [">=", 7]}]},
        },
    ),
    "outsider": (
        "ticket",
        {
            "source": ["aws.access-analyzer"],
            "detail-type": ["Access Analyzer Finding"],
            "detail": {"status": ["ACTIVE"]},
        },
    ),
    "personal-data": (
        "ticket",
        {
            "source": ["aws.macie"],
            "detail-type": ["Macie Finding"],
            "detail": {"severity": {"description": ["Medium", "High"]}},
        },
    ),
    "broken-rule": (
        "info",
        {
            "source": ["aws.config"],
            "detail-type": ["Config Rules Compliance Change"],
            "detail": {"newEvaluationResult": {"complianceType": ["NON_COMPLIANT"]}},
        },
    ),
}
"""What the watchers find: how much it hurts, and the event that tells it."""
