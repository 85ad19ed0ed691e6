"""Where a region's GPU jobs queue."""

from collections.abc import Mapping
from dataclasses import dataclass

from infra.batch_instance_profile import BatchInstanceProfile
from infra.gpu_pool import GpuPool
from infra.naming import Names
from infra.pool_machine import PoolMachine
from infra.spec import Environment, RegionSpec
from infra.toolkit import Construct, Stack
from stacks.network import NetworkOutputs


@dataclass(frozen=True)
class PoolsOutputs:
    """Where the jobs of each pool queue: its own queue, then that on demand if it has one."""

    queue_arns: Mapping[str, tuple[str, ...]]


class PoolsStack(Stack):
    """Batch queues over GPU machines. They need the network alone: a queue takes half a minute, and others wait."""

    def __init__(self, scope: Construct, environment: Environment, region: RegionSpec, network: NetworkOutputs) -> None:
        super().__init__(scope, environment, region.name, "pools")
        names = Names.of(environment, region.name)
        profile = BatchInstanceProfile(self, "batch", names=names)
        # Groups, so that whatever a pool is called, nothing else is called so.
        machine, queue = (Construct(self, id) for id in ("machine", "pool"))
        machines = {
            pool.name: PoolMachine(
                machine,
                pool.name,
                spec=pool,
                names=names,
                security_group_id=network.security_group_id,
                tags=self.tags,
            )
            for pool in region.gpu_pools
        }
        pools = {
            pool.name: GpuPool(
                queue,
                pool.name,
                spec=pool,
                names=names,
                template_id=machines[pool.name].id,
                template_version=machines[pool.name].version,
                template_address=machines[pool.name].address,
                instance_profile_arn=profile.arn,
                subnet_ids=network.subnet_ids,
                security_group_id=network.security_group_id,
            )
            for pool in region.gpu_pools
        }
        self.outputs = PoolsOutputs({name: pool.queue_arns for name, pool in pools.items()})
