"""Where a region trains models."""

from collections.abc import Mapping
from dataclasses import dataclass

from infra.batch_instance_profile import BatchInstanceProfile
from infra.gpu_pool import GpuPool
from infra.naming import Names
from infra.parameter import Parameter
from infra.sagemaker_role import SageMakerRole
from infra.spec import Environment, RegionSpec
from infra.spec.contract import TrainingContract
from infra.toolkit import Construct, Stack
from stacks.data import DataOutputs
from stacks.network import NetworkOutputs


@dataclass(frozen=True)
class TrainingOutputs:
    """Where jobs are queued: the pool's name → the ARN of its queue."""

    queue_arns: Mapping[str, str]


class TrainingStack(Stack):
    """Batch queues over GPU pools, the role of SageMaker jobs, and the contract that tells a launcher of both."""

    def __init__(
        self, scope: Construct, environment: Environment, region: RegionSpec, network: NetworkOutputs, data: DataOutputs
    ) -> None:
        super().__init__(scope, environment, region.name, "training")
        names = Names.of(environment, region.name)
        machine = BatchInstanceProfile(self, "batch", names=names, repository_arn=data.repository_arn)
        pools = {
            pool.name: GpuPool(
                self,
                pool.name,
                spec=pool,
                names=names,
                instance_profile_arn=machine.arn,
                subnet_ids=network.subnet_ids,
                security_group_id=network.security_group_id,
                tags=self.tags,
            )
            for pool in region.gpu_pools
        }
        self.outputs = TrainingOutputs({name: pool.queue_arn for name, pool in pools.items()})
        role = SageMakerRole(
            self,
            "jobs",
            names=names,
            purpose="training",
            reads=(data.data_bucket_arn, data.artifact_bucket_arn),
            writes=(data.artifact_bucket_arn,),
            key_arn=data.key_arn,
            repository_arn=data.repository_arn,
            log_groups="/aws/sagemaker/TrainingJobs",
            in_network=True,
        )
        contract = TrainingContract(
            role_arn=role.arn,
            image_uri=data.image_uri,
            data_bucket=data.data_bucket,
            artifact_bucket=data.artifact_bucket,
            kms_key_arn=data.key_arn,
            job_queues=tuple(self.outputs.queue_arns.values()),
            subnet_ids=network.subnet_ids,
            security_group_ids=(network.security_group_id,),
            **region.training.model_dump(),
        )
        parameter = TrainingContract.parameter_name(environment.project, environment.name)
        Parameter(
            self, "contract", name=parameter, contract=contract, description="What a training job's request needs"
        )
