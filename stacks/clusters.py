"""Where a region keeps machines for many jobs: clusters of a distributed engine."""

from infra.cluster_groups import ClusterHead, ClusterWorkers
from infra.cluster_machine import ClusterMachine
from infra.cluster_network import ClusterNetwork
from infra.cluster_rights import head_rights, worker_rights
from infra.cluster_signals import head_group, workers_group
from infra.log_group import LogGroup
from infra.machine_image import MachineImage
from infra.naming import Names
from infra.parameter import Parameter
from infra.scaling_role import ScalingRole
from infra.spec import ClusterSpec, Environment, RegionSpec
from infra.spec.contract import ClusterContract
from infra.toolkit import Construct, Stack
from infra.user_data import head_script, worker_script
from stacks.data import DataOutputs
from stacks.network import NetworkOutputs


class ClustersStack(Stack):
    """For each cluster a head, workers, and the contract that tells how to reach them."""

    def __init__(
        self, scope: Construct, environment: Environment, region: RegionSpec, network: NetworkOutputs, data: DataOutputs
    ) -> None:
        super().__init__(scope, environment, region.name, "clusters")
        names = Names.of(environment, region.name)
        role = ScalingRole(self, "scaling_role", names=names, key_arn=data.key_arn)
        for spec in region.clusters:
            contract = _contract(spec, names, data)
            cluster = Construct(self, spec.name)
            ground = ClusterNetwork(cluster, "network", cluster=spec.name, names=names, vpc_id=network.vpc_id)
            LogGroup(cluster, "logs", name=contract.log_group, key_arn=data.key_arn)
            ClusterHead(
                cluster,
                "head",
                name=contract.head_group,
                spec=spec,
                machine=self._head(cluster, spec, names, contract, ground, data),
                subnet_ids=network.subnet_ids,
                role_arn=role.arn,
                tags=self.tags,
            )
            ClusterWorkers(
                cluster,
                "workers",
                name=contract.workers_group,
                spec=spec,
                machine=self._worker(cluster, spec, names, contract, ground, data),
                subnet_ids=network.subnet_ids,
                role_arn=role.arn,
                tags=self.tags,
            )
            parameter = ClusterContract.parameter_name(environment.project, environment.name, spec.name)
            description = f"How to reach the cluster {spec.name}"
            Parameter(cluster, "contract", name=parameter, contract=contract, description=description)

    def _head(
        self,
        cluster: Construct,
        spec: ClusterSpec,
        names: Names,
        contract: ClusterContract,
        ground: ClusterNetwork,
        data: DataOutputs,
    ) -> ClusterMachine:
        image = MachineImage(cluster, "head_image", architecture=spec.architecture, gpus=False)
        return ClusterMachine(
            cluster,
            "head_machine",
            name=contract.head_group,
            role_name=names.role(f"{spec.engine}-{spec.name}-head"),
            statements=head_rights(
                names,
                contract,
                repository_arn=data.repository_arn,
                reads=(data.data_bucket_arn, data.artifact_bucket_arn),
                writes=data.artifact_bucket_arn,
                key_arn=data.key_arn,
                zone_arn=ground.zone_arn,
            ),
            image_id=image.id,
            instance_type=spec.head_type,
            volume_gb=spec.head_volume_gb,
            key_arn=data.key_arn,
            security_group_id=ground.security_group_id,
            script=head_script(spec, contract, region=names.region, zone_id=ground.zone_id),
            tags={**self.tags, "cluster": spec.name},
        )

    def _worker(
        self,
        cluster: Construct,
        spec: ClusterSpec,
        names: Names,
        contract: ClusterContract,
        ground: ClusterNetwork,
        data: DataOutputs,
    ) -> ClusterMachine:
        image = MachineImage(cluster, "worker_image", architecture=spec.architecture, gpus=spec.worker.gpus > 0)
        return ClusterMachine(
            cluster,
            "worker_machine",
            name=contract.workers_group,
            role_name=names.role(f"{spec.engine}-{spec.name}-worker"),
            statements=worker_rights(
                names,
                contract,
                repository_arn=data.repository_arn,
                reads=(data.data_bucket_arn, data.artifact_bucket_arn),
                writes=data.artifact_bucket_arn,
                key_arn=data.key_arn,
            ),
            image_id=image.id,
            instance_type=spec.worker_types[0],
            volume_gb=spec.worker_volume_gb,
            key_arn=data.key_arn,
            security_group_id=ground.security_group_id,
            script=worker_script(spec, contract, region=names.region),
            tags={**self.tags, "cluster": spec.name},
            capacity_reservation=spec.capacity_reservation,
        )


def _contract(spec: ClusterSpec, names: Names, data: DataOutputs) -> ClusterContract:
    return ClusterContract(
        engine=spec.engine,
        image_uri=data.image_of(f"{spec.engine}-{spec.ray_version}"),
        head_address=f"head.{names.domain(spec.name)}",
        head_group=head_group(names, spec.name),
        workers_group=workers_group(names, spec.name),
        log_group=names.log_group(f"clusters/{spec.name}"),
        artifact_bucket=data.artifact_bucket,
        artifact_prefix=f"clusters/{spec.name}/",
    )
