"""How a region trains models."""

from infra.gpu_job import GpuJob
from infra.job_role import JobRole
from infra.naming import Names
from infra.parameter import Parameter
from infra.pipeline_role import PipelineRole
from infra.sagemaker_role import SageMakerRole
from infra.spec import Environment, GpuPoolSpec, RegionSpec
from infra.spec.contract import PoolContract, TrainingContract
from infra.toolkit import Construct, Stack
from stacks.data import DataOutputs
from stacks.events import EventsOutputs
from stacks.network import NetworkOutputs
from stacks.pools import PoolsOutputs


class TrainingStack(Stack):
    """What jobs run as, on SageMaker and on the pools, and the contracts that tell a launcher of both."""

    def __init__(
        self,
        scope: Construct,
        environment: Environment,
        region: RegionSpec,
        network: NetworkOutputs,
        data: DataOutputs,
        pools: PoolsOutputs,
        events: EventsOutputs,
    ) -> None:
        super().__init__(scope, environment, region.name, "training")
        self._names = names = Names.of(environment, region.name)
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
            pipeline_role_arn=PipelineRole(self, "pipelines", names=names, trains_as_arn=role.arn).arn,
            image_uri=data.image_of("train"),
            data_bucket=data.data_bucket,
            artifact_bucket=data.artifact_bucket,
            kms_key_arn=data.key_arn,
            events_queue=names.job_events(),
            subnet_ids=network.subnet_ids,
            security_group_ids=(network.security_group_id,),
            **region.training.model_dump(),
        )
        name = TrainingContract.parameter_name(environment.project, environment.name)
        Parameter(self, "contract", name=name, contract=contract, description="What a training job's request needs")
        job_role = JobRole(
            self,
            "pool-jobs",
            names=names,
            reads=(data.data_bucket_arn, data.artifact_bucket_arn),
            writes=data.artifact_bucket_arn,
            key_arn=data.key_arn,
            notice_queue_arn=events.notice_queue_arn,
            notice_key_arn=events.key_arn,
        )
        for pool in region.gpu_pools:
            self._jobs_of(pool, pools.queue_arns[pool.name], job_role.arn, data, events)

    def _jobs_of(
        self, pool: GpuPoolSpec, queue_arns: tuple[str, ...], role_arn: str, data: DataOutputs, events: EventsOutputs
    ) -> None:
        job = GpuJob(
            self,
            pool.name,
            spec=pool,
            names=self._names,
            image_uri=data.image_of("train"),
            role_arn=role_arn,
            key_arn=data.key_arn,
            data_bucket=data.data_bucket,
            artifact_bucket=data.artifact_bucket,
            notice_queue_url=events.notice_queue_url,
        )
        contract = PoolContract(
            queue_arns=queue_arns,
            job_definition_arn=job.arn,
            log_group=job.log_group,
            events_queue=self._names.job_events(),
            **pool.terms,
        )
        name = PoolContract.parameter_name(self._names.project, self._names.environment, pool.name)
        says = f"What a job of the pool {pool.name} needs"
        Parameter(self, f"{pool.name}-contract", name=name, contract=contract, description=says)
