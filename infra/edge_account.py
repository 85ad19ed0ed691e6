"""What AWS IoT has once in an account and region: its log, its index, its events, and the audit of devices."""

import json
from collections.abc import Mapping

from cdktf_cdktf_provider_aws.cloudcontrolapi_resource import CloudcontrolapiResource
from cdktf_cdktf_provider_aws.cloudwatch_log_group import CloudwatchLogGroup
from cdktf_cdktf_provider_aws.iam_role_policy_attachment import IamRolePolicyAttachment
from cdktf_cdktf_provider_aws.iot_event_configurations import IotEventConfigurations
from cdktf_cdktf_provider_aws.iot_indexing_configuration import (
    IotIndexingConfiguration,
    IotIndexingConfigurationThingGroupIndexingConfiguration,
    IotIndexingConfigurationThingIndexingConfiguration,
    IotIndexingConfigurationThingIndexingConfigurationCustomField,
    IotIndexingConfigurationThingIndexingConfigurationFilter,
)
from cdktf_cdktf_provider_aws.iot_logging_options import IotLoggingOptions

from infra.edge_names import SHADOW
from infra.naming import Names
from infra.role import Role, Statement
from infra.spec import EdgeAccountSpec
from infra.toolkit import Construct

LOG_GROUP = "AWSIotLogsV2"
"""AWS writes nowhere else."""

_REPORTED = f"shadow.name.{SHADOW}.reported"
_FIELDS = {f"{_REPORTED}.version": "String", f"{_REPORTED}.healthy": "Boolean", f"{_REPORTED}.wave": "String"}
_ANNOUNCED = ("CERTIFICATE", "JOB", "JOB_EXECUTION", "POLICY", "THING", "THING_GROUP_MEMBERSHIP")
_SILENT = ("CA_CERTIFICATE", "THING_GROUP", "THING_GROUP_HIERARCHY", "THING_TYPE", "THING_TYPE_ASSOCIATION")
_CHECKS = {
    # What the account's configuration calls a check, and what a schedule calls it.
    "ConflictingClientIdsCheck": "CONFLICTING_CLIENT_IDS_CHECK",
    "DeviceCertificateExpiringCheck": "DEVICE_CERTIFICATE_EXPIRING_CHECK",
    "DeviceCertificateKeyQualityCheck": "DEVICE_CERTIFICATE_KEY_QUALITY_CHECK",
    "DeviceCertificateSharedCheck": "DEVICE_CERTIFICATE_SHARED_CHECK",
    "IoTPolicyPotentialMisConfigurationCheck": "IOT_POLICY_POTENTIAL_MISCONFIGURATION_CHECK",
    "IotPolicyOverlyPermissiveCheck": "IOT_POLICY_OVERLY_PERMISSIVE_CHECK",
    "IotRoleAliasAllowsAccessToUnusedServicesCheck": "IOT_ROLE_ALIAS_ALLOWS_ACCESS_TO_UNUSED_SERVICES_CHECK",
    "IotRoleAliasOverlyPermissiveCheck": "IOT_ROLE_ALIAS_OVERLY_PERMISSIVE_CHECK",
    "LoggingDisabledCheck": "LOGGING_DISABLED_CHECK",
    "RevokedDeviceCertificateStillActiveCheck": "REVOKED_DEVICE_CERTIFICATE_STILL_ACTIVE_CHECK",
}
# It may look at every policy, role and certificate of the account: AWS keeps the list as its checks grow.
_AUDIT_POLICY = "arn:aws:iam::aws:policy/service-role/AWSIoTDeviceDefenderAudit"


class EdgeAccount(Construct):
    """The settings that all fleets of an account and region share; nothing where `spec` is None: another has them."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        spec: EdgeAccountSpec | None,
        names: Names,
        key_arn: str,
        tags: Mapping[str, str],
    ) -> None:
        super().__init__(scope, id)
        self._names = names
        if spec is None:
            return
        self._log(spec, key_arn)
        self._index()
        IotEventConfigurations(
            self,
            "event_configurations",
            event_configurations={**dict.fromkeys(_ANNOUNCED, True), **dict.fromkeys(_SILENT, False)},
        )
        if spec.audit != "off":
            self._audit(spec.audit, tags)

    def _log(self, spec: EdgeAccountSpec, key_arn: str) -> None:
        logs = CloudwatchLogGroup(
            self, "log_group", name=LOG_GROUP, retention_in_days=spec.keep_logs_days, kms_key_id=key_arn
        )
        writes = ("logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents", "logs:PutMetricFilter")
        role = Role(
            self,
            "log",
            name=self._names.role("iot-logging"),
            service="iot.amazonaws.com",
            for_account=self._names.account_id,
            statements=(Statement(writes, (logs.arn, f"{logs.arn}:*")),),
        )
        IotLoggingOptions(self, "logging_options", default_log_level=spec.log_level, role_arn=role.arn)

    def _index(self) -> None:
        things = IotIndexingConfigurationThingIndexingConfiguration(
            thing_indexing_mode="REGISTRY_AND_SHADOW",
            thing_connectivity_indexing_mode="STATUS",
            named_shadow_indexing_mode="ON",
            filter=IotIndexingConfigurationThingIndexingConfigurationFilter(named_shadow_names=[SHADOW]),
            custom_field=[
                IotIndexingConfigurationThingIndexingConfigurationCustomField(name=name, type=kind)
                for name, kind in _FIELDS.items()
            ],
        )
        IotIndexingConfiguration(
            self,
            "indexing_configuration",
            thing_indexing_configuration=things,
            thing_group_indexing_configuration=IotIndexingConfigurationThingGroupIndexingConfiguration(
                thing_group_indexing_mode="ON"
            ),
        )

    def _audit(self, frequency: str, tags: Mapping[str, str]) -> None:
        role = Role(
            self,
            "audit",
            name=self._names.role("iot-audit"),
            service="iot.amazonaws.com",
            for_account=self._names.account_id,
        )
        reads = IamRolePolicyAttachment(self, "audit-reads", role=role.name, policy_arn=_AUDIT_POLICY)
        checks = {"AccountId": self._names.account_id, "RoleArn": role.arn}
        enabled = {"AuditCheckConfigurations": {check: {"Enabled": True} for check in _CHECKS}}
        configured = CloudcontrolapiResource(
            self,
            "audit-configuration",
            type_name="AWS::IoT::AccountAuditConfiguration",
            desired_state=json.dumps({**checks, **enabled}),
            depends_on=[reads],
        )
        week = {"DayOfWeek": "MON"} if frequency == "WEEKLY" else {}
        schedule = {
            "ScheduledAuditName": self._names.regional("edge-audit"),
            "Frequency": frequency,
            **week,
            "TargetCheckNames": list(_CHECKS.values()),
            "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
        }
        CloudcontrolapiResource(
            self,
            "audit-schedule",
            type_name="AWS::IoT::ScheduledAudit",
            desired_state=json.dumps(schedule),
            depends_on=[configured],
        )
