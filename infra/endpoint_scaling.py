"""How many instances an endpoint has at a time."""

from cdktf import TerraformResourceLifecycle
from cdktf_cdktf_provider_aws.appautoscaling_policy import (
    AppautoscalingPolicy,
    AppautoscalingPolicyStepScalingPolicyConfiguration,
    AppautoscalingPolicyStepScalingPolicyConfigurationStepAdjustment,
    AppautoscalingPolicyTargetTrackingScalingPolicyConfiguration,
    AppautoscalingPolicyTargetTrackingScalingPolicyConfigurationCustomizedMetricSpecification,
    AppautoscalingPolicyTargetTrackingScalingPolicyConfigurationCustomizedMetricSpecificationDimensions,
    AppautoscalingPolicyTargetTrackingScalingPolicyConfigurationPredefinedMetricSpecification,
)
from cdktf_cdktf_provider_aws.appautoscaling_scheduled_action import (
    AppautoscalingScheduledAction,
    AppautoscalingScheduledActionScalableTargetAction,
)
from cdktf_cdktf_provider_aws.appautoscaling_target import AppautoscalingTarget
from cdktf_cdktf_provider_aws.cloudwatch_metric_alarm import CloudwatchMetricAlarm

from infra.spec import Async, EndpointSpec, RealTime, ScheduleSpec, Serverless
from infra.toolkit import Construct

# Quick out, slow in: an instance takes minutes to come.
_OUT_SECONDS, _IN_SECONDS = 60, 300
_NAMESPACE, _DIMENSION = "sagemaker", "sagemaker:variant:DesiredInstanceCount"


class EndpointScaling(Construct):
    """Real-time instances follow the calls, async ones the backlog and then sleep; AWS scales serverless by itself.

    It is made of the endpoint's own outputs: `endpoint_name`, and `resource_id` of its variant.
    """

    def __init__(self, scope: Construct, id: str, *, spec: EndpointSpec, endpoint_name: str, resource_id: str) -> None:
        super().__init__(scope, id)
        self._name, self._resource_id = endpoint_name, resource_id
        self._tags = {"model": spec.model}
        match spec.hosting:
            case RealTime() as hosting:
                self._follow_calls(hosting)
            case Async() as hosting:
                self._follow_backlog(hosting)
            case Serverless():
                pass

    def _follow_calls(self, hosting: RealTime) -> None:
        target = self._target(hosting)
        self._track(
            target,
            "calls",
            hosting.calls_per_minute,
            predefined_metric_specification=AppautoscalingPolicyTargetTrackingScalingPolicyConfigurationPredefinedMetricSpecification(
                predefined_metric_type="SageMakerVariantInvocationsPerInstance"
            ),
        )
        for schedule in hosting.schedules:
            self._schedule(target, schedule)

    def _follow_backlog(self, hosting: Async) -> None:
        target = self._target(hosting)
        self._track(
            target,
            "backlog",
            hosting.backlog_per_instance,
            customized_metric_specification=AppautoscalingPolicyTargetTrackingScalingPolicyConfigurationCustomizedMetricSpecification(
                namespace="AWS/SageMaker",
                metric_name="ApproximateBacklogSizePerInstance",
                statistic="Average",
                dimensions=[
                    AppautoscalingPolicyTargetTrackingScalingPolicyConfigurationCustomizedMetricSpecificationDimensions(
                        name="EndpointName", value=self._name
                    )
                ],
            ),
        )
        self._wake(target)

    def _target(self, hosting: RealTime | Async) -> AppautoscalingTarget:
        # A schedule that has come sets these two. A deploy must not set them back.
        owned_by_schedules = ["max_capacity", "min_capacity"] if getattr(hosting, "schedules", ()) else None
        return AppautoscalingTarget(
            self,
            "target",
            service_namespace=_NAMESPACE,
            scalable_dimension=_DIMENSION,
            resource_id=self._resource_id,
            min_capacity=hosting.min_instances,
            max_capacity=hosting.max_instances,
            tags=self._tags,
            lifecycle=TerraformResourceLifecycle(ignore_changes=owned_by_schedules) if owned_by_schedules else None,
        )

    def _track(self, target: AppautoscalingTarget, what: str, value: int, **metric: object) -> None:
        AppautoscalingPolicy(
            self,
            what,
            name=f"{self._name}-{what}",
            policy_type="TargetTrackingScaling",
            service_namespace=target.service_namespace,
            scalable_dimension=target.scalable_dimension,
            resource_id=target.resource_id,
            target_tracking_scaling_policy_configuration=AppautoscalingPolicyTargetTrackingScalingPolicyConfiguration(
                target_value=value,
                scale_out_cooldown=_OUT_SECONDS,
                scale_in_cooldown=_IN_SECONDS,
                **metric,  # type: ignore[arg-type]
            ),
        )

    def _wake(self, target: AppautoscalingTarget) -> None:
        """Start the first instance: with none there is no backlog per instance to follow."""
        step = AppautoscalingPolicyStepScalingPolicyConfigurationStepAdjustment(
            metric_interval_lower_bound="0", scaling_adjustment=1
        )
        policy = AppautoscalingPolicy(
            self,
            "wake",
            name=f"{self._name}-wake",
            policy_type="StepScaling",
            service_namespace=target.service_namespace,
            scalable_dimension=target.scalable_dimension,
            resource_id=target.resource_id,
            step_scaling_policy_configuration=AppautoscalingPolicyStepScalingPolicyConfiguration(
                adjustment_type="ChangeInCapacity",
                metric_aggregation_type="Average",
                cooldown=_IN_SECONDS,
                step_adjustment=[step],
            ),
        )
        CloudwatchMetricAlarm(
            self,
            "asleep",
            alarm_name=f"{self._name}-asleep",
            alarm_description=f"Requests wait for {self._name}, and no instance is there to answer them",
            namespace="AWS/SageMaker",
            metric_name="HasBacklogWithoutCapacity",
            dimensions={"EndpointName": self._name},
            statistic="Average",
            comparison_operator="GreaterThanOrEqualToThreshold",
            threshold=1,
            period=60,
            evaluation_periods=1,
            treat_missing_data="missing",
            alarm_actions=[policy.arn],
            tags=self._tags,
        )

    def _schedule(self, target: AppautoscalingTarget, schedule: ScheduleSpec) -> None:
        AppautoscalingScheduledAction(
            self,
            f"schedule-{schedule.name}",
            name=f"{self._name}-{schedule.name}",
            service_namespace=target.service_namespace,
            scalable_dimension=target.scalable_dimension,
            resource_id=target.resource_id,
            schedule=schedule.at,
            timezone=schedule.timezone,
            scalable_target_action=AppautoscalingScheduledActionScalableTargetAction(
                min_capacity=str(schedule.min_instances), max_capacity=str(schedule.max_instances)
            ),
        )
