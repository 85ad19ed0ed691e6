"""A Batch queue over GPU machines, and beside a spot queue one on demand for jobs that are taken away too often."""

from collections.abc import Sequence

from cdktf import TerraformResourceLifecycle
from cdktf_cdktf_provider_aws.batch_compute_environment import (
    BatchComputeEnvironment,
    BatchComputeEnvironmentComputeResources,
    BatchComputeEnvironmentComputeResourcesEc2Configuration,
    BatchComputeEnvironmentComputeResourcesLaunchTemplate,
)
from cdktf_cdktf_provider_aws.batch_job_queue import (
    BatchJobQueue,
    BatchJobQueueComputeEnvironmentOrder,
    BatchJobQueueJobStateTimeLimitAction,
)
from cdktf_cdktf_provider_aws.batch_scheduling_policy import (
    BatchSchedulingPolicy,
    BatchSchedulingPolicyFairSharePolicy,
    BatchSchedulingPolicyFairSharePolicyShareDistribution,
)
from cdktf_cdktf_provider_aws.placement_group import PlacementGroup

from infra.naming import Names
from infra.queue_signals import pool_name
from infra.spec import GpuPoolSpec
from infra.toolkit import Construct

# Batch's own words for a job that no machine can be had for.
_NO_CAPACITY = "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY"


class GpuPool(Construct):
    """One pool. Jobs of several nodes stand close together in one zone; all others are spread over all zones.

    `template_…` say how its machines start: a launch template's id, its version, and its address in this stack.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        spec: GpuPoolSpec,
        names: Names,
        template_id: str,
        template_version: str,
        template_address: str,
        instance_profile_arn: str,
        subnet_ids: Sequence[str],
        security_group_id: str,
    ) -> None:
        super().__init__(scope, id)
        self._spec, self._name = spec, pool_name(names, spec.name)
        self._subnet_ids = list(subnet_ids) if spec.nodes == 1 else [subnet_ids[spec.zone]]
        self._security_group_id, self._instance_profile_arn = security_group_id, instance_profile_arn
        self._template = BatchComputeEnvironmentComputeResourcesLaunchTemplate(
            launch_template_id=template_id, version=template_version
        )
        self._template_address = template_address
        self._placement_group = self._close_together()
        policy_arn = self._fair_share()
        most = spec.max_nodes
        if spec.purchase == "spot":
            machines = self._machines("machines", "SPOT", "SPOT_PRICE_CAPACITY_OPTIMIZED", spec.min_nodes, most)
        else:
            machines = self._machines("machines", "EC2", "BEST_FIT_PROGRESSIVE", spec.min_nodes, most)
        own, *on_demand = spec.queues(self._name)
        queues = [self._queue("job_queue", own, machines, policy_arn)]
        for name in on_demand:
            stand_in = self._machines("on_demand_machines", "EC2", "BEST_FIT_PROGRESSIVE", 0, spec.max_on_demand_nodes)
            queues.append(self._queue("on_demand", name, stand_in, policy_arn))
        self.queue_arns: tuple[str, ...] = tuple(queues)

    def _machines(
        self, kind: str, batch_type: str, strategy: str, least_nodes: int, most_nodes: int
    ) -> BatchComputeEnvironment:
        image = BatchComputeEnvironmentComputeResourcesEc2Configuration(
            image_type="ECS_AL2023_NVIDIA", image_id_override=self._spec.image_id
        )
        resources = BatchComputeEnvironmentComputeResources(
            type=batch_type,
            allocation_strategy=strategy,
            instance_type=list(self._spec.types),
            min_vcpus=least_nodes * self._spec.vcpus_per_node,
            max_vcpus=most_nodes * self._spec.vcpus_per_node,
            subnets=self._subnet_ids,
            # EC2 takes a group for a machine or for its interfaces, never both: the template has the interfaces' own.
            security_group_ids=None if self._spec.efa_interfaces else [self._security_group_id],
            instance_role=self._instance_profile_arn,
            placement_group=self._placement_group,
            ec2_configuration=[image],
            launch_template=self._template,
        )
        return BatchComputeEnvironment(
            self,
            kind,
            # A queue is never without: a changed environment is made first, under a fresh name, then the old one goes.
            # The trigger says so while the plan is made, when the provider does not yet see that the version changes.
            compute_environment_name_prefix=f"{self._name}-{batch_type.lower()}-",
            type="MANAGED",
            compute_resources=resources,
            lifecycle=TerraformResourceLifecycle(
                create_before_destroy=True, replace_triggered_by=[f"{self._template_address}.latest_version"]
            ),
        )

    def _queue(self, id: str, name: str, machines: BatchComputeEnvironment, policy_arn: str | None) -> str:
        limit = self._spec.capacity_wait_seconds
        given_up = BatchJobQueueJobStateTimeLimitAction(
            action="CANCEL", state="RUNNABLE", reason=_NO_CAPACITY, max_time_seconds=limit or 0
        )
        queue = BatchJobQueue(
            self,
            id,
            name=name,
            priority=1,
            state="ENABLED",
            scheduling_policy_arn=policy_arn,
            job_state_time_limit_action=[given_up] if limit else None,
            compute_environment_order=[BatchJobQueueComputeEnvironmentOrder(order=1, compute_environment=machines.arn)],
        )
        return queue.arn

    def _close_together(self) -> str | None:
        """Nodes that talk all the time belong into one cluster of one zone."""
        if self._spec.nodes == 1:
            return None
        group = PlacementGroup(self, "placement_group", name=self._name, strategy="cluster")
        return str(group.name)

    def _fair_share(self) -> str | None:
        spec = self._spec
        if not spec.fair_shares:
            return None
        shares = [
            BatchSchedulingPolicyFairSharePolicyShareDistribution(
                share_identifier=share.name, weight_factor=share.weight
            )
            for share in spec.fair_shares
        ]
        policy = BatchSchedulingPolicy(
            self,
            "scheduling_policy",
            name=self._name,
            fair_share_policy=BatchSchedulingPolicyFairSharePolicy(
                share_decay_seconds=spec.fair_share_seconds, share_distribution=shares
            ),
        )
        return str(policy.arn)
