"""A VPC whose machines nobody outside can reach."""

from ipaddress import IPv4Network

from cdktf import Fn
from cdktf_cdktf_provider_aws.data_aws_availability_zones import DataAwsAvailabilityZones
from cdktf_cdktf_provider_aws.default_security_group import DefaultSecurityGroup
from cdktf_cdktf_provider_aws.eip import Eip
from cdktf_cdktf_provider_aws.internet_gateway import InternetGateway
from cdktf_cdktf_provider_aws.nat_gateway import NatGateway
from cdktf_cdktf_provider_aws.route import Route
from cdktf_cdktf_provider_aws.route_table import RouteTable
from cdktf_cdktf_provider_aws.route_table_association import RouteTableAssociation
from cdktf_cdktf_provider_aws.subnet import Subnet
from cdktf_cdktf_provider_aws.vpc import Vpc
from cdktf_cdktf_provider_aws.vpc_endpoint import VpcEndpoint

from infra.naming import Names
from infra.spec import NetworkSpec
from infra.toolkit import Construct, skip_check

_ANYWHERE = "0.0.0.0/0"


class Network(Construct):
    """Private subnets over the zones, the ways out that the spec asks for, and S3 without leaving AWS."""

    def __init__(self, scope: Construct, id: str, *, spec: NetworkSpec, names: Names) -> None:
        super().__init__(scope, id)
        self._name = names.regional("network")
        self._zones = DataAwsAvailabilityZones(self, "zones", state="available")
        skip_check(self._zones, CKV_AWS_394="subnets take the first zones of a sorted list; a new zone comes last")
        vpc = Vpc(self, "vpc", cidr_block=spec.cidr, tags={"Name": self._name})
        # Emptied of its rules: what is started in no group of its own can neither speak nor listen.
        DefaultSecurityGroup(self, "default_security_group", vpc_id=vpc.id)
        gateways = self._nat_gateways(vpc, spec.public_blocks)
        subnets = [self._subnet(vpc, "private", zone, block) for zone, block in enumerate(spec.private_blocks)]
        tables = [self._routes(vpc, subnet, "private", zone) for zone, subnet in enumerate(subnets)]
        for zone, table in enumerate(tables if gateways else []):
            gateway = gateways[zone % len(gateways)]
            self._way_out("private", zone, table, nat=gateway.id)
        VpcEndpoint(
            self,
            "s3",
            vpc_id=vpc.id,
            service_name=f"com.amazonaws.{names.region}.s3",
            route_table_ids=[table.id for table in tables],
            tags={"Name": f"{self._name}-s3"},
        )
        self.vpc_id: str = vpc.id
        self.subnet_ids: tuple[str, ...] = tuple(subnet.id for subnet in subnets)

    def _nat_gateways(self, vpc: Vpc, blocks: list[IPv4Network]) -> list[NatGateway]:
        if not blocks:
            return []
        internet = InternetGateway(self, "internet_gateway", vpc_id=vpc.id, tags={"Name": self._name})
        gateways = []
        for zone, block in enumerate(blocks):
            subnet = self._subnet(vpc, "public", zone, block)
            table = self._routes(vpc, subnet, "public", zone)
            self._way_out("public", zone, table, internet=internet.id)
            tags = {"Name": f"{self._name}-{zone}"}
            address = Eip(self, f"nat_{zone}_eip", domain="vpc", tags=tags)
            gateways.append(
                NatGateway(
                    self, f"nat_{zone}", allocation_id=address.id, subnet_id=subnet.id, tags=tags, depends_on=[internet]
                )
            )
        return gateways

    def _subnet(self, vpc: Vpc, kind: str, zone: int, block: IPv4Network) -> Subnet:
        return Subnet(
            self,
            f"{kind}_{zone}",
            vpc_id=vpc.id,
            cidr_block=str(block),
            availability_zone=Fn.element(self._zones.names, zone),
            tags={"Name": f"{self._name}-{kind}-{zone}"},
        )

    def _routes(self, vpc: Vpc, subnet: Subnet, kind: str, zone: int) -> RouteTable:
        table = RouteTable(self, f"{kind}_{zone}_routes", vpc_id=vpc.id, tags={"Name": f"{self._name}-{kind}-{zone}"})
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
