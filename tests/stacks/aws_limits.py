"""What AWS takes for a name, by Terraform's type and field: how long, which characters, and who shares the names.

From the API reference of each service, the page of the action that `source` names. Where a prefix is given, Terraform
adds 26 characters to it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Scope = Literal["world", "account", "region", "owner"]
PREFIX_TAIL = 26


@dataclass(frozen=True)
class Limit:
    """The longest name, the characters that it may have, and where it must be the only one."""

    longest: int
    pattern: str
    scope: Scope
    source: str

    def broken_by(self, name: str, field: str) -> str | None:
        """Tell what is wrong with a name, or None."""
        longest = self.longest - (PREFIX_TAIL if field.endswith("_prefix") else 0)
        if not 0 < len(name) <= longest:
            return f"has {len(name)} characters, AWS takes {longest} ({self.source})"
        if not re.fullmatch(self.pattern, name):
            return f"is not {self.pattern} ({self.source})"
        return None


_WORD, _DASHED, _SAGEMAKER = r"[\w-]+", r"[A-Za-z0-9-]+", r"[a-zA-Z0-9](-*[a-zA-Z0-9])*"
_IAM, _PATH, _PRINT, _IOT = r"[\w+=,.@-]+", r"[\w./-]+", r"[ -~]+", r"[a-zA-Z0-9:_-]+"

LIMITS: Mapping[tuple[str, str], Limit] = {
    ("aws_accessanalyzer_analyzer", "analyzer_name"): Limit(255, r"[A-Za-z][\w.-]*", "region", "CreateAnalyzer"),
    ("aws_api_gateway_rest_api", "name"): Limit(1024, _PRINT, "region", "CreateRestApi"),
    ("aws_api_gateway_usage_plan", "name"): Limit(255, _PRINT, "region", "CreateUsagePlan"),
    ("aws_appautoscaling_policy", "name"): Limit(256, _PRINT, "region", "PutScalingPolicy"),
    ("aws_appautoscaling_scheduled_action", "name"): Limit(1600, _PRINT, "region", "PutScheduledAction"),
    ("aws_autoscaling_group", "name"): Limit(255, _PRINT, "region", "CreateAutoScalingGroup"),
    ("aws_autoscaling_lifecycle_hook", "name"): Limit(255, r"[\w/-]+", "owner", "PutLifecycleHook"),
    ("aws_autoscaling_policy", "name"): Limit(255, _PRINT, "region", "PutScalingPolicy"),
    ("aws_batch_compute_environment", "compute_environment_name"): Limit(128, _WORD, "region", "CreateComputeEnv…"),
    ("aws_batch_compute_environment", "compute_environment_name_prefix"): Limit(
        128, _WORD, "region", "CreateComputeE…"
    ),
    ("aws_batch_job_definition", "name"): Limit(128, _WORD, "region", "RegisterJobDefinition"),
    ("aws_batch_job_queue", "name"): Limit(128, _WORD, "region", "CreateJobQueue"),
    ("aws_batch_scheduling_policy", "name"): Limit(128, _WORD, "region", "CreateSchedulingPolicy"),
    ("aws_budgets_budget", "name"): Limit(100, r"[^:\\]+", "account", "CreateBudget"),
    ("aws_ce_anomaly_monitor", "name"): Limit(1024, _PRINT, "account", "CreateAnomalyMonitor"),
    ("aws_ce_anomaly_subscription", "name"): Limit(1024, _PRINT, "account", "CreateAnomalySubscription"),
    ("aws_ce_cost_category", "name"): Limit(50, r"(?! )[ -~]+(?<! )", "account", "CreateCostCategoryDefinition"),
    ("aws_cloudtrail", "name"): Limit(128, r"[a-zA-Z0-9][\w.-]+", "region", "CreateTrail"),
    ("aws_cloudwatch_composite_alarm", "alarm_name"): Limit(255, _PRINT, "region", "PutCompositeAlarm"),
    ("aws_cloudwatch_dashboard", "dashboard_name"): Limit(255, _WORD, "account", "PutDashboard"),
    ("aws_cloudwatch_event_rule", "name"): Limit(64, r"[.\w-]+", "region", "PutRule"),
    ("aws_cloudwatch_log_group", "name"): Limit(512, r"[.\w/#-]+", "region", "CreateLogGroup"),
    ("aws_cloudwatch_log_metric_filter", "name"): Limit(512, r"[^:*]+", "region", "PutMetricFilter"),
    ("aws_cloudwatch_log_stream", "name"): Limit(512, r"[^:*]+", "region", "CreateLogStream"),
    ("aws_cloudwatch_metric_alarm", "alarm_name"): Limit(255, _PRINT, "region", "PutMetricAlarm"),
    ("aws_cloudwatch_query_definition", "name"): Limit(255, _PRINT, "region", "PutQueryDefinition"),
    ("aws_config_config_rule", "name"): Limit(128, _PRINT, "region", "PutConfigRule"),
    ("aws_config_configuration_recorder", "name"): Limit(256, _PRINT, "region", "PutConfigurationRecorder"),
    ("aws_config_delivery_channel", "name"): Limit(256, _PRINT, "region", "PutDeliveryChannel"),
    ("aws_dynamodb_table", "name"): Limit(255, r"[\w.-]{3,}", "region", "CreateTable"),
    ("aws_ecr_repository", "name"): Limit(256, r"[a-z0-9]+([._/-][a-z0-9]+)*", "region", "CreateRepository"),
    ("aws_flow_log", "name"): Limit(255, _PRINT, "region", "CreateFlowLogs"),
    ("aws_iam_instance_profile", "name"): Limit(128, _IAM, "account", "CreateInstanceProfile"),
    ("aws_iam_policy", "name"): Limit(128, _IAM, "account", "CreatePolicy"),
    ("aws_iam_role", "name"): Limit(64, _IAM, "account", "CreateRole"),
    ("aws_iam_role_policy", "name"): Limit(128, _IAM, "region", "PutRolePolicy"),
    # AWS writes "AWSServiceRoleForAutoScaling_" before it.
    ("aws_iam_service_linked_role", "custom_suffix"): Limit(64 - 29, _IAM, "account", "CreateServiceLinkedRole"),
    ("aws_iot_billing_group", "name"): Limit(128, _IOT, "region", "CreateBillingGroup"),
    ("aws_iot_policy", "name"): Limit(128, r"[\w+=,.@-]+", "region", "CreatePolicy"),
    ("aws_iot_provisioning_template", "name"): Limit(36, r"[0-9A-Za-z_-]+", "region", "CreateProvisioningTemplate"),
    ("aws_iot_role_alias", "alias"): Limit(128, r"[\w=,@-]+", "region", "CreateRoleAlias"),
    ("aws_iot_thing_group", "name"): Limit(128, _IOT, "region", "CreateThingGroup"),
    ("aws_iot_thing_type", "name"): Limit(128, _IOT, "region", "CreateThingType"),
    ("aws_iot_topic_rule", "name"): Limit(128, r"[a-zA-Z0-9_]+", "region", "CreateTopicRule"),
    ("aws_kinesis_firehose_delivery_stream", "name"): Limit(64, r"[\w.-]+", "region", "CreateDeliveryStream"),
    ("aws_kinesis_stream", "name"): Limit(128, r"[\w.-]+", "region", "CreateStream"),
    ("aws_kms_alias", "name"): Limit(256, r"alias/(?!aws/)[\w/-]+", "region", "CreateAlias"),
    ("aws_lambda_function", "function_name"): Limit(64, _WORD, "region", "CreateFunction"),
    ("aws_kms_grant", "name"): Limit(256, r"[\w:/-]+", "owner", "CreateGrant"),
    ("aws_launch_template", "name"): Limit(128, r"[\w()./-]{3,}", "region", "CreateLaunchTemplate"),
    ("aws_placement_group", "name"): Limit(255, _PRINT, "region", "CreatePlacementGroup"),
    ("aws_route53_zone", "name"): Limit(
        255, r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*internal", "owner", "CreateHostedZone"
    ),
    ("aws_s3_bucket", "bucket"): Limit(63, r"[a-z0-9][a-z0-9-]+[a-z0-9]", "world", "CreateBucket"),
    ("aws_guardduty_detector_feature", "name"): Limit(100, r"[A-Z0-9_]+", "owner", "DetectorFeatureConfiguration"),
    ("aws_sagemaker_endpoint", "name"): Limit(63, _SAGEMAKER, "region", "CreateEndpoint"),
    ("aws_sagemaker_endpoint_configuration", "name"): Limit(63, _SAGEMAKER, "region", "CreateEndpointConfig"),
    ("aws_sagemaker_endpoint_configuration", "name_prefix"): Limit(
        63, r"[a-zA-Z0-9-]+", "region", "CreateEndpointConf…"
    ),
    ("aws_sagemaker_model", "name"): Limit(63, _SAGEMAKER, "region", "CreateModel"),
    ("aws_sagemaker_model_package_group", "model_package_group_name"): Limit(
        63, _SAGEMAKER, "region", "CreateModelPackageGroup"
    ),
    ("aws_scheduler_schedule", "name"): Limit(64, r"[.\w-]+", "region", "CreateSchedule"),
    ("aws_scheduler_schedule_group", "name"): Limit(64, r"[.\w-]+", "region", "CreateScheduleGroup"),
    ("aws_security_group", "name"): Limit(255, r"(?!sg-)[\w .:/()#,@\[\]+=&;{}!$*-]+", "region", "CreateSecurityGroup"),
    ("aws_sfn_state_machine", "name"): Limit(80, _WORD, "region", "CreateStateMachine"),
    ("aws_sns_topic", "name"): Limit(256, _WORD, "region", "CreateTopic"),
    ("aws_sqs_queue", "name"): Limit(80, _WORD, "region", "CreateQueue"),
    ("aws_ssm_document", "name"): Limit(128, r"[\w.-]{3,}", "region", "CreateDocument"),
    ("aws_ssm_parameter", "name"): Limit(1011, _PATH, "region", "PutParameter"),
    ("aws_wafv2_web_acl", "name"): Limit(128, _WORD, "region", "CreateWebACL"),
}
# Fields that name a thing in AWS; other fields called so (a rule's, a metric's) stand inside blocks.
NAMING_FIELDS = frozenset(field for _, field in LIMITS) - {"alias"}
# Types whose `name` is none of their own: it says which thing they belong to, or in which record it is written.
NAMES_OF_OTHERS = frozenset({"aws_config_configuration_recorder_status"})


@dataclass(frozen=True)
class Named:
    """A name that a stack gives."""

    kind: str
    field: str
    name: str
    address: str


def names_in(document: Mapping[str, Any]) -> Iterator[Named]:
    """Yield every name in a stack's Terraform JSON that is written out, with where it stands."""
    for kind, blocks in document.get("resource", {}).items():
        fields = NAMING_FIELDS | {field for of, field in LIMITS if of == kind}
        for address, arguments in blocks.items():
            for field in fields & arguments.keys():
                # A sum that Terraform does has eight figures.
                name = re.sub(r"\$\{substr\(.*, 0, 8\)\}$", "0" * 8, str(arguments[field]))
                if kind not in NAMES_OF_OTHERS and "${" not in name:
                    yield Named(kind, field, name, f"{kind}.{address}")
