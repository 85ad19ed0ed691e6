"""A region's network."""

from collections.abc import Mapping
from dataclasses import dataclass

from infra.flow_log import FlowLogArchive, FlowLogGroup
from infra.key import encryption_key
from infra.naming import Names
from infra.network import network
from infra.network_endpoints import NetworkEndpoints
from infra.spec import Environment, RegionSpec
from infra.toolkit import Construct, Stack
from infra.workload_group import WorkloadGroup


@dataclass(frozen=True)
class NetworkOutputs:
    """Where workloads are placed. `endpoint_ids` has the interface endpoints by the name of their service."""

    vpc_id: str
    subnet_ids: tuple[str, ...]
    security_group_id: str
    endpoint_ids: Mapping[str, str]


class NetworkStack(Stack):
    """A VPC with private subnets, AWS's services inside it, its flow logs, and the group that workloads run in."""

    def __init__(self, scope: Construct, environment: Environment, region: RegionSpec) -> None:
        super().__init__(scope, environment, region.name, "network")
        names, spec = Names.of(environment, region.name), region.network
        main = network(self, "main", spec=spec, names=names, default_group_open=region.has_fabric)
        endpoints = NetworkEndpoints(
            self,
            "endpoints",
            spec=spec,
            names=names,
            vpc_id=main.vpc_id,
            subnet_ids=main.subnet_ids,
            route_table_ids=main.route_table_ids,
        )
        for log in spec.log_groups:
            # A key of its own: who reads data need not read who spoke to whom.
            key = encryption_key(
                self,
                "flow_logs",
                existing_arn=region.existing.key_arn,
                names=names,
                purpose="flow-logs",
                guarded=environment.guarded,
            )
            FlowLogGroup(self, "flow_log", spec=log, vpc_id=main.vpc_id, names=names, key_arn=key.arn)
        for log in spec.log_archives:
            FlowLogArchive(self, f"flow_log_{log.bucket}", spec=log, vpc_id=main.vpc_id, names=names)
        workloads = WorkloadGroup(self, "workload", vpc_id=main.vpc_id, names=names)
        self.outputs = NetworkOutputs(main.vpc_id, main.subnet_ids, workloads.id, endpoints.interface_ids)
