"""A VPC whose machines nobody outside can reach: made here, or found and checked."""

from ipaddress import IPv4Network

from cdktf import Fn, Postcondition, TerraformResourceLifecycle
from cdktf_cdktf_provider_aws.data_aws_availability_zones import (
    DataAwsAvailabilityZones,
    DataAwsAvailabilityZonesFilter,
)
from cdktf_cdktf_provider_aws.data_aws_subnet import DataAwsSubnet
from cdktf_cdktf_provider_aws.data_aws_vpc import DataAwsVpc
from cdktf_cdktf_provider_aws.default_security_group import (
    DefaultSecurityGroup,
    DefaultSecurityGroupEgress,
    DefaultSecurityGroupIngress,
)
from cdktf_cdktf_provider_aws.eip import Eip
from cdktf_cdktf_provider_aws.internet_gateway import InternetGateway
from cdktf_cdktf_provider_aws.nat_gateway import NatGateway
from cdktf_cdktf_provider_aws.route import Route
from cdktf_cdktf_provider_aws.route_table import RouteTable
from cdktf_cdktf_provider_aws.route_table_association import RouteTableAssociation
from cdktf_cdktf_provider_aws.subnet import Subnet
from cdktf_cdktf_provider_aws.vpc import Vpc

from infra.naming import Names
from infra.spec import AnyNetworkSpec, ExistingNetworkSpec, NetworkSpec
from infra.toolkit import Construct, skip_check

_ANYWHERE = "0.0.0.0/0"


class Network(Construct):
    """Private subnets over the zones, and the ways out that the spec asks for."""

    def __init__(
        self, scope: Construct, id: str, *, spec: NetworkSpec, names: Names, default_group_open: bool = False
    ) -> None:
        super().__init__(scope, id)
        self._name = names.regional("network")
        # Not local zones, which an account may have opted into: they lack most services.
        real = DataAwsAvailabilityZonesFilter(name="opt-in-status", values=["opt-in-not-required"])
        zones = DataAwsAvailabilityZones(self, "zones", state="available", filter=[real])
        skip_check(zones, CKV_AWS_394="subnets take the first zones of a sorted list; a new zone comes last")
        # Names of AWS's services lead to the endpoints inside only where the VPC answers for names.
        vpc = Vpc(
            self,
            "vpc",
            cidr_block=spec.cidr,
            enable_dns_support=True,
            enable_dns_hostnames=True,
            tags={"Name": self._name},
        )
        self.vpc_id: str = vpc.id
        self._zone_names = zones.names
        _default_group(self, vpc, is_open=default_group_open)
        gateways = self._nat_gateways(spec.public_blocks)
        subnets = [self._subnet("private", zone, block) for zone, block in enumerate(spec.private_blocks)]
        tables = [self._routes(subnet, "private", zone) for zone, subnet in enumerate(subnets)]
        for zone, table in enumerate(tables if gateways else []):
            gateway = gateways[zone % len(gateways)]
            self._way_out("private", zone, table, nat=gateway.id)
        self.subnet_ids: tuple[str, ...] = tuple(subnet.id for subnet in subnets)
        self.route_table_ids: tuple[str, ...] = tuple(table.id for table in tables)

    def _nat_gateways(self, blocks: list[IPv4Network]) -> list[NatGateway]:
        if not blocks:
            return []
        internet = InternetGateway(self, "internet_gateway", vpc_id=self.vpc_id, tags={"Name": self._name})
        gateways = []
        for zone, block in enumerate(blocks):
            subnet = self._subnet("public", zone, block)
            table = self._routes(subnet, "public", zone)
            self._way_out("public", zone, table, internet=internet.id)
            tags = {"Name": f"{self._name}-{zone}"}
            address = Eip(self, f"nat_{zone}_eip", domain="vpc", tags=tags)
            gateways.append(
                NatGateway(
                    self, f"nat_{zone}", allocation_id=address.id, subnet_id=subnet.id, tags=tags, depends_on=[internet]
                )
            )
        return gateways

    def _subnet(self, kind: str, zone: int, block: IPv4Network) -> Subnet:
        return Subnet(
            self,
            f"{kind}_{zone}",
            vpc_id=self.vpc_id,
            cidr_block=str(block),
            availability_zone=Fn.element(self._zone_names, zone),
            tags={"Name": f"{self._name}-{kind}-{zone}"},
        )

    def _routes(self, subnet: Subnet, kind: str, zone: int) -> RouteTable:
        table = RouteTable(
            self, f"{kind}_{zone}_routes", vpc_id=self.vpc_id, tags={"Name": f"{self._name}-{kind}-{zone}"}
        )
        RouteTableAssociation(self, f"{kind}_{zone}_association", subnet_id=subnet.id, route_table_id=table.id)
        return table

    def _way_out(
        self, kind: str, zone: int, table: RouteTable, *, internet: str | None = None, nat: str | None = None
    ) -> None:
        Route(
            self,
            f"{kind}_{zone}_way_out",
            route_table_id=table.id,
            destination_cidr_block=_ANYWHERE,
            gateway_id=internet,
            nat_gateway_id=nat,
        )


class ExistingNetwork(Construct):
    """A VPC and subnets that are there already. A plan ends with the rule that they break, before anything is made."""

    def __init__(self, scope: Construct, id: str, *, spec: ExistingNetworkSpec) -> None:
        super().__init__(scope, id)
        vpc = DataAwsVpc(
            self,
            "vpc",
            id=spec.vpc_id,
            lifecycle=_checked(
                f'self.cidr_block == "{spec.cidr}"',
                f"existing network: cidr='{spec.cidr}' is not that of {spec.vpc_id}; write what AWS shows",
            ),
        )
        subnets = [
            DataAwsSubnet(
                self,
                f"private_{zone}",
                id=subnet,
                lifecycle=_checked(
                    f'self.vpc_id == "{spec.vpc_id}" && !self.map_public_ip_on_launch',
                    f"existing network: {subnet} is in another VPC than {spec.vpc_id}, or gives its machines public "
                    "addresses; name private subnets of that VPC",
                ),
            )
            for zone, subnet in enumerate(spec.subnet_ids)
        ]
        self.vpc_id: str = vpc.id
        self.subnet_ids: tuple[str, ...] = tuple(subnet.id for subnet in subnets)
        self.route_table_ids: tuple[str, ...] = ()


def network(
    scope: Construct, id: str, *, spec: AnyNetworkSpec, names: Names, default_group_open: bool = False
) -> Network | ExistingNetwork:
    """Make the network that `spec` describes, or find the one that it names."""
    if isinstance(spec, ExistingNetworkSpec):
        return ExistingNetwork(scope, id, spec=spec)
    return Network(scope, id, spec=spec, names=names, default_group_open=default_group_open)


def _default_group(scope: Construct, vpc: Vpc, *, is_open: bool) -> None:
    """Empty the default group of its rules: what is started in no group of its own can neither speak nor listen.

    Batch puts the nodes of a multi-node job into it when their machines' interfaces come from a launch template, as
    those with EFA do; then its members may speak, with each other and outwards.
    """
    group = DefaultSecurityGroup(scope, "default_security_group", vpc_id=vpc.id)
    if is_open:
        group.put_ingress([DefaultSecurityGroupIngress(protocol="-1", from_port=0, to_port=0, self_attribute=True)])
        group.put_egress([DefaultSecurityGroupEgress(protocol="-1", from_port=0, to_port=0, cidr_blocks=[_ANYWHERE])])
        skip_check(vpc, CKV2_AWS_12="Batch gives this group to the nodes of jobs with EFA, and knows no other")


def _checked(condition: str, error_message: str) -> TerraformResourceLifecycle:
    return TerraformResourceLifecycle(
        postcondition=[Postcondition(condition=f"${{{condition}}}", error_message=error_message)]
    )
