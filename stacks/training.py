"""Where a region trains models."""

from infra.naming import Names
from infra.parameter import Parameter
from infra.sagemaker_role import SageMakerRole
from infra.spec import Environment, RegionSpec
from infra.spec.contract import TrainingContract
from infra.toolkit import Construct, Stack
from stacks.data import DataOutputs
from stacks.network import NetworkOutputs
from stacks.pools import PoolsOutputs


class TrainingStack(Stack):
    """Batch queues over GPU pools, the role of SageMaker jobs, and the contract that tells a launcher of both."""

    def __init__(
        self,
        scope: Construct,
        environment: Environment,
        region: RegionSpec,
        network: NetworkOutputs,
        data: DataOutputs,
        pools: PoolsOutputs,
    ) -> None:
        super().__init__(scope, environment, region.name, "training")
        names = Names.of(environment, region.name)
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
            job_queues=tuple(arn for arns in pools.queue_arns.values() for arn in arns),
            subnet_ids=network.subnet_ids,
            security_group_ids=(network.security_group_id,),
            **region.training.model_dump(),
        )
        parameter = TrainingContract.parameter_name(environment.project, environment.name)
        Parameter(
            self, "contract", name=parameter, contract=contract, description="What a training job's request needs"
        )
