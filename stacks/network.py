"""A region's network."""

from dataclasses import dataclass

from infra.naming import Names
from infra.network import Network
from infra.spec import Environment, RegionSpec
from infra.toolkit import Construct, Stack
from infra.workload_group import WorkloadGroup


@dataclass(frozen=True)
class NetworkOutputs:
    """Where workloads are placed."""

    subnet_ids: tuple[str, ...]
    security_group_id: str


class NetworkStack(Stack):
    """A VPC with private subnets, and the group that workloads run in."""

    def __init__(self, scope: Construct, environment: Environment, region: RegionSpec) -> None:
        super().__init__(scope, environment, region.name, "network")
        names = Names.of(environment, region.name)
        network = Network(self, "main", spec=region.network, names=names)
        workloads = WorkloadGroup(self, "workload", vpc_id=network.vpc_id, names=names)
        self.outputs = NetworkOutputs(network.subnet_ids, workloads.id)
