"""A Batch queue over GPU machines: spot while there is any, on-demand when there is none."""

from collections.abc import Mapping, Sequence

from cdktf import TerraformResourceLifecycle, Token
from cdktf_cdktf_provider_aws.batch_compute_environment import (
    BatchComputeEnvironment,
    BatchComputeEnvironmentComputeResources,
    BatchComputeEnvironmentComputeResourcesEc2Configuration,
    BatchComputeEnvironmentComputeResourcesLaunchTemplate,
)
from cdktf_cdktf_provider_aws.batch_job_queue import BatchJobQueue, BatchJobQueueComputeEnvironmentOrder
from cdktf_cdktf_provider_aws.launch_template import (
    LaunchTemplate,
    LaunchTemplateBlockDeviceMappings,
    LaunchTemplateBlockDeviceMappingsEbs,
    LaunchTemplateMetadataOptions,
    LaunchTemplateTagSpecifications,
)

from infra.naming import Names
from infra.spec import GpuPoolSpec
from infra.toolkit import Construct


class GpuPool(Construct):
    """One queue. Its machines, disks and interfaces carry `tags`: default tags do not reach what Batch starts."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        spec: GpuPoolSpec,
        names: Names,
        instance_profile_arn: str,
        subnet_ids: Sequence[str],
        security_group_id: str,
        tags: Mapping[str, str],
    ) -> None:
        super().__init__(scope, id)
        self._spec, self._name = spec, names.regional(f"pool-{spec.name}")
        self._subnet_ids, self._security_group_id = list(subnet_ids), security_group_id
        self._instance_profile_arn = instance_profile_arn
        self._template = self._launch_template({**tags, "pool": spec.name, "Name": self._name})
        least, most, stand_in = (
            n * spec.vcpus_per_node for n in (spec.min_nodes, spec.max_nodes, spec.max_on_demand_nodes)
        )
        spot = self._machines("spot", "SPOT", "SPOT_PRICE_CAPACITY_OPTIMIZED", least, most)
        on_demand = self._machines("on_demand", "EC2", "BEST_FIT_PROGRESSIVE", 0, stand_in)
        queue = BatchJobQueue(
            self,
            "job_queue",
            name=self._name,
            priority=1,
            state="ENABLED",
            compute_environment_order=[
                BatchJobQueueComputeEnvironmentOrder(order=order, compute_environment=machines.arn)
                for order, machines in enumerate((spot, on_demand), start=1)
            ],
        )
        self.queue_arn: str = queue.arn

    def _machines(
        self, kind: str, batch_type: str, strategy: str, least_vcpus: int, most_vcpus: int
    ) -> BatchComputeEnvironment:
        resources = BatchComputeEnvironmentComputeResources(
            type=batch_type,
            allocation_strategy=strategy,
            instance_type=list(self._spec.instance_types),
            min_vcpus=least_vcpus,
            max_vcpus=most_vcpus,
            subnets=self._subnet_ids,
            security_group_ids=[self._security_group_id],
            instance_role=self._instance_profile_arn,
            ec2_configuration=[BatchComputeEnvironmentComputeResourcesEc2Configuration(image_type="ECS_AL2023_NVIDIA")],
            launch_template=BatchComputeEnvironmentComputeResourcesLaunchTemplate(
                launch_template_id=self._template.id, version=Token.as_string(self._template.latest_version)
            ),
        )
        return BatchComputeEnvironment(
            self,
            kind,
            # A queue is never without: a changed environment is made first, under a fresh name, then the old one goes.
            # The trigger says so while the plan is made, when the provider does not yet see that the version changes.
            compute_environment_name_prefix=f"{self._name}-{kind.replace('_', '-')}-",
            type="MANAGED",
            compute_resources=resources,
            lifecycle=TerraformResourceLifecycle(
                create_before_destroy=True,
                replace_triggered_by=[f"aws_launch_template.{self._template.friendly_unique_id}.latest_version"],
            ),
        )

    def _launch_template(self, tags: Mapping[str, str]) -> LaunchTemplate:
        disk = LaunchTemplateBlockDeviceMappingsEbs(
            volume_size=self._spec.volume_gb, volume_type="gp3", encrypted="true", delete_on_termination="true"
        )
        return LaunchTemplate(
            self,
            "launch_template",
            name=self._name,
            update_default_version=True,
            block_device_mappings=[LaunchTemplateBlockDeviceMappings(device_name="/dev/xvda", ebs=disk)],
            # One hop: containers cannot reach the machine's own credentials.
            metadata_options=LaunchTemplateMetadataOptions(
                http_endpoint="enabled", http_tokens="required", http_put_response_hop_limit=1
            ),
            tag_specifications=[
                LaunchTemplateTagSpecifications(resource_type=kind, tags=dict(tags))
                for kind in ("instance", "volume", "network-interface")
            ],
        )
