"""The two Auto Scaling groups of a cluster: one machine that is always there, and as many as the work needs."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from cdktf import TerraformResourceLifecycle
from cdktf_cdktf_provider_aws.autoscaling_group import (
    AutoscalingGroup,
    AutoscalingGroupInitialLifecycleHook,
    AutoscalingGroupLaunchTemplate,
    AutoscalingGroupMixedInstancesPolicy,
    AutoscalingGroupMixedInstancesPolicyInstancesDistribution,
    AutoscalingGroupMixedInstancesPolicyLaunchTemplate,
    AutoscalingGroupMixedInstancesPolicyLaunchTemplateLaunchTemplateSpecification,
    AutoscalingGroupMixedInstancesPolicyLaunchTemplateOverride,
    AutoscalingGroupTag,
)
from cdktf_cdktf_provider_aws.autoscaling_lifecycle_hook import AutoscalingLifecycleHook
from cdktf_cdktf_provider_aws.autoscaling_policy import (
    AutoscalingPolicy,
    AutoscalingPolicyTargetTrackingConfiguration,
    AutoscalingPolicyTargetTrackingConfigurationCustomizedMetricSpecification,
    AutoscalingPolicyTargetTrackingConfigurationCustomizedMetricSpecificationMetricDimension,
)
from cdktf_cdktf_provider_aws.autoscaling_schedule import AutoscalingSchedule

from infra.spec import ClusterSpec
from infra.spec.clusters import DRAIN_HOOK, LAUNCH_HOOK, METRIC_NAME, METRIC_NAMESPACE
from infra.toolkit import Construct

_LAUNCHING, _TERMINATING = "autoscaling:EC2_INSTANCE_LAUNCHING", "autoscaling:EC2_INSTANCE_TERMINATING"
# Terraform does not wait for machines: the first deploy comes before the first image is pushed.
_NO_WAIT = "0"
_METRICS = [
    *("GroupDesiredCapacity", "GroupInServiceInstances", "GroupMinSize"),
    *("GroupPendingInstances", "GroupTerminatingInstances"),
]


class LaunchedFrom(Protocol):
    """What a group has to know of the launch template of its machines."""

    template_id: str
    template_version: str


class ClusterHead(Construct):
    """A group of one, on demand: a head that is lost is started again, and takes its name over."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        spec: ClusterSpec,
        name: str,
        machine: LaunchedFrom,
        subnet_ids: Sequence[str],
        role_arn: str,
        tags: Mapping[str, str],
    ) -> None:
        super().__init__(scope, id)
        group = AutoscalingGroup(
            self,
            "autoscaling_group",
            name=name,
            min_size=1,
            max_size=1,
            vpc_zone_identifier=list(subnet_ids),
            launch_template=AutoscalingGroupLaunchTemplate(id=machine.template_id, version=machine.template_version),
            service_linked_role_arn=role_arn,
            initial_lifecycle_hook=[_set_up_hook(spec)],
            enabled_metrics=_METRICS,
            wait_for_capacity_timeout=_NO_WAIT,
            tag=_propagated(tags, name),
        )
        _keep_hooks(self, group, _set_up_hook(spec))


class ClusterWorkers(Construct):
    """A group over many types, on spot as far as the spec says, that grows with the work.

    Spot machines that AWS is about to reclaim are replaced before they go, and whatever goes is drained first. The
    policy only ever adds machines: which of them has no work is known to Ray alone, so the head ends those itself.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        spec: ClusterSpec,
        name: str,
        machine: LaunchedFrom,
        subnet_ids: Sequence[str],
        role_arn: str,
        tags: Mapping[str, str],
    ) -> None:
        super().__init__(scope, id)
        group = AutoscalingGroup(
            self,
            "autoscaling_group",
            name=name,
            min_size=spec.min_workers,
            max_size=spec.max_workers,
            vpc_zone_identifier=list(subnet_ids),
            mixed_instances_policy=_mixed(spec, machine),
            capacity_rebalance=True,
            # Else a worker would lose its tasks only to even out the zones.
            suspended_processes=["AZRebalance"],
            service_linked_role_arn=role_arn,
            initial_lifecycle_hook=[_set_up_hook(spec), _drain_hook(spec)],
            enabled_metrics=_METRICS,
            wait_for_capacity_timeout=_NO_WAIT,
            tag=_propagated(tags, name),
            # A schedule that has come sets these two. A deploy must not set them back.
            lifecycle=TerraformResourceLifecycle(ignore_changes=["max_size", "min_size"]) if spec.schedules else None,
        )
        _keep_hooks(self, group, _set_up_hook(spec), _drain_hook(spec))
        self._grow_with_the_work(group, name)
        self._keep_to_schedules(group, spec)

    def _grow_with_the_work(self, group: AutoscalingGroup, name: str) -> None:
        dimension = AutoscalingPolicyTargetTrackingConfigurationCustomizedMetricSpecificationMetricDimension
        metric = AutoscalingPolicyTargetTrackingConfigurationCustomizedMetricSpecification(
            namespace=METRIC_NAMESPACE,
            metric_name=METRIC_NAME,
            metric_dimension=[dimension(name="AutoScalingGroupName", value=name)],
            statistic="Average",
            unit="Percent",
        )
        AutoscalingPolicy(
            self,
            "policy",
            name=name,
            autoscaling_group_name=group.name,
            policy_type="TargetTrackingScaling",
            target_tracking_configuration=AutoscalingPolicyTargetTrackingConfiguration(
                target_value=100, disable_scale_in=True, customized_metric_specification=metric
            ),
        )

    def _keep_to_schedules(self, group: AutoscalingGroup, spec: ClusterSpec) -> None:
        for schedule in spec.schedules:
            AutoscalingSchedule(
                self,
                f"schedule-{schedule.name}",
                scheduled_action_name=f"{spec.name}-{schedule.name}",
                autoscaling_group_name=group.name,
                recurrence=schedule.at,
                time_zone=schedule.timezone,
                min_size=schedule.min_workers,
                max_size=schedule.max_workers,
                # As many as there are, brought within the bounds.
                desired_capacity=-1,
            )


def _set_up_hook(spec: ClusterSpec) -> AutoscalingGroupInitialLifecycleHook:
    return AutoscalingGroupInitialLifecycleHook(
        name=LAUNCH_HOOK,
        lifecycle_transition=_LAUNCHING,
        heartbeat_timeout=spec.launch_heartbeat_seconds,
        default_result="ABANDON",
    )


def _drain_hook(spec: ClusterSpec) -> AutoscalingGroupInitialLifecycleHook:
    return AutoscalingGroupInitialLifecycleHook(
        name=DRAIN_HOOK,
        lifecycle_transition=_TERMINATING,
        heartbeat_timeout=spec.drain_heartbeat_seconds,
        default_result="CONTINUE",
    )


def _keep_hooks(scope: Construct, group: AutoscalingGroup, *hooks: AutoscalingGroupInitialLifecycleHook) -> None:
    """Hold hooks to the spec. The group's own were there before its first machine, and are never changed after."""
    for hook in hooks:
        AutoscalingLifecycleHook(
            scope,
            hook.name,
            name=hook.name,
            autoscaling_group_name=group.name,
            lifecycle_transition=hook.lifecycle_transition,
            heartbeat_timeout=hook.heartbeat_timeout,
            default_result=hook.default_result,
        )


def _mixed(spec: ClusterSpec, machine: LaunchedFrom) -> AutoscalingGroupMixedInstancesPolicy:
    template = AutoscalingGroupMixedInstancesPolicyLaunchTemplateLaunchTemplateSpecification(
        launch_template_id=machine.template_id, version=machine.template_version
    )
    override = AutoscalingGroupMixedInstancesPolicyLaunchTemplateOverride
    return AutoscalingGroupMixedInstancesPolicy(
        launch_template=AutoscalingGroupMixedInstancesPolicyLaunchTemplate(
            launch_template_specification=template,
            override=[override(instance_type=name) for name in spec.worker_types],
        ),
        instances_distribution=AutoscalingGroupMixedInstancesPolicyInstancesDistribution(
            on_demand_base_capacity=spec.on_demand_workers,
            on_demand_percentage_above_base_capacity=spec.on_demand_percent,
            on_demand_allocation_strategy="prioritized",
            spot_allocation_strategy="price-capacity-optimized",
        ),
    )


def _propagated(tags: Mapping[str, str], name: str) -> list[AutoscalingGroupTag]:
    whole = {**tags, "Name": name}
    return [AutoscalingGroupTag(key=key, value=value, propagate_at_launch=True) for key, value in whole.items()]
