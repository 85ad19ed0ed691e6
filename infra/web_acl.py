"""What AWS WAF keeps away from an API."""

from cdktf_cdktf_provider_aws.cloudwatch_log_group import CloudwatchLogGroup
from cdktf_cdktf_provider_aws.wafv2_web_acl import (
    Wafv2WebAcl,
    Wafv2WebAclDefaultAction,
    Wafv2WebAclDefaultActionAllow,
    Wafv2WebAclRule,
    Wafv2WebAclRuleAction,
    Wafv2WebAclRuleActionBlock,
    Wafv2WebAclRuleOverrideAction,
    Wafv2WebAclRuleOverrideActionNone,
    Wafv2WebAclRuleVisibilityConfig,
    Wafv2WebAclVisibilityConfig,
)
from cdktf_cdktf_provider_aws.wafv2_web_acl_association import Wafv2WebAclAssociation
from cdktf_cdktf_provider_aws.wafv2_web_acl_logging_configuration import (
    Wafv2WebAclLoggingConfiguration,
    Wafv2WebAclLoggingConfigurationRedactedFields,
    Wafv2WebAclLoggingConfigurationRedactedFieldsSingleHeader,
)

from infra.naming import Names
from infra.spec import WebAclSpec
from infra.toolkit import Construct

_KEEP_LOGS_DAYS = 365
# Of the common rules, one refuses bodies above 8 KiB: a batch of texts has more, and API Gateway's own bound is 10 MiB.
_ONLY_COUNTED = {"AWSManagedRulesCommonRuleSet": ("SizeRestrictions_BODY",)}


class WebAcl(Construct):
    """AWS's managed rules, then a limit for each address, on one stage of an API; what is refused is logged."""

    def __init__(
        self, scope: Construct, id: str, *, spec: WebAclSpec, names: Names, stage_arn: str, key_arn: str
    ) -> None:
        super().__init__(scope, id)
        name = names.regional("inference")
        managed = [_managed(order, group) for order, group in enumerate(spec.managed_rules)]
        acl = Wafv2WebAcl(
            self,
            "web_acl",
            name=name,
            description=f"In front of the models of {names.project} {names.environment}",
            scope="REGIONAL",
            default_action=Wafv2WebAclDefaultAction(allow=Wafv2WebAclDefaultActionAllow()),
            rule=[*managed, _slowed(len(managed), spec.requests_per_five_minutes)],
            visibility_config=Wafv2WebAclVisibilityConfig(
                cloudwatch_metrics_enabled=True, metric_name=name, sampled_requests_enabled=True
            ),
        )
        Wafv2WebAclAssociation(self, "association", resource_arn=stage_arn, web_acl_arn=acl.arn)
        logs = CloudwatchLogGroup(
            self,
            "log_group",
            # AWS WAF writes to no group of another prefix.
            name=f"aws-waf-logs-{name}",
            retention_in_days=_KEEP_LOGS_DAYS,
            kms_key_id=key_arn,
        )
        signature = Wafv2WebAclLoggingConfigurationRedactedFieldsSingleHeader(name="authorization")
        Wafv2WebAclLoggingConfiguration(
            self,
            "logging",
            resource_arn=acl.arn,
            log_destination_configs=[logs.arn],
            redacted_fields=[Wafv2WebAclLoggingConfigurationRedactedFields(single_header=signature)],
        )


def _managed(order: int, group: str) -> Wafv2WebAclRule:
    counted = [{"name": rule, "action_to_use": {"count": {}}} for rule in _ONLY_COUNTED.get(group, ())]
    asked = {"vendor_name": "AWS", "name": group, **({"rule_action_override": counted} if counted else {})}
    return Wafv2WebAclRule(
        name=group,
        priority=order,
        override_action=Wafv2WebAclRuleOverrideAction(none=Wafv2WebAclRuleOverrideActionNone()),
        statement={"managed_rule_group_statement": asked},
        visibility_config=_seen(group),
    )


def _slowed(order: int, limit: int) -> Wafv2WebAclRule:
    return Wafv2WebAclRule(
        name="too-many-requests",
        priority=order,
        action=Wafv2WebAclRuleAction(block=Wafv2WebAclRuleActionBlock()),
        statement={"rate_based_statement": {"limit": limit, "aggregate_key_type": "IP"}},
        visibility_config=_seen("too-many-requests"),
    )


def _seen(name: str) -> Wafv2WebAclRuleVisibilityConfig:
    return Wafv2WebAclRuleVisibilityConfig(
        cloudwatch_metrics_enabled=True, metric_name=name, sampled_requests_enabled=True
    )
