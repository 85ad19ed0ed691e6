"""The words for a region's network: one that is made, or one that is there already."""

from collections.abc import Iterator
from ipaddress import IPv4Network
from typing import Annotated, ClassVar, Literal, get_args

from pydantic import AfterValidator, Field

from infra.spec.base import Spec, sound
from infra.spec.errors import Problem
from infra.spec.quotas import QuotaNeed, network

GatewayService = Literal["s3", "dynamodb"]

# AWS services that can stand inside a VPC, by the last part of `com.amazonaws.<region>.<service>`.
InterfaceService = Literal[
    "application-autoscaling",
    "athena",
    "autoscaling",
    "batch",
    "ec2",
    "ec2messages",
    "ecr.api",
    "ecr.dkr",
    "ecs",
    "ecs-agent",
    "ecs-telemetry",
    "elasticfilesystem",
    "events",
    "execute-api",
    "fsx",
    "glue",
    "iot.credentials",
    "iot.data",
    "kinesis-firehose",
    "kinesis-streams",
    "kms",
    "lambda",
    "logs",
    "monitoring",
    "sagemaker.api",
    "sagemaker.featurestore-runtime",
    "sagemaker.runtime",
    "secretsmanager",
    "sns",
    "sqs",
    "ssm",
    "ssmmessages",
    "states",
    "sts",
    "xray",
]

# What a job calls between its start and its end, whether on Batch, on SageMaker or on a cluster of its own.
JOB_SERVICES: tuple[InterfaceService, ...] = (
    *("autoscaling", "batch", "ec2", "ec2messages", "ecr.api", "ecr.dkr", "ecs", "ecs-agent", "ecs-telemetry"),
    *("kms", "logs", "monitoring", "sagemaker.api", "sagemaker.runtime", "sqs", "ssm", "ssmmessages", "sts"),
)

# The days that CloudWatch Logs knows.
_RETENTIONS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)

_BUCKET = r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"


def _network(text: str) -> str:
    try:
        block = IPv4Network(text)
    except ValueError as error:
        raise ValueError(f"is no IPv4 network ({error})") from None
    if not 16 <= block.prefixlen <= 22:
        raise ValueError(f"is a /{block.prefixlen} network where a VPC here is a /16 to a /22")
    return text


def _retention(days: int) -> int:
    if days not in _RETENTIONS:
        raise ValueError("is no retention that CloudWatch Logs knows")
    return days


Cidr = Annotated[str, AfterValidator(_network)]


class FlowLogSpec(Spec):
    """A record of who spoke to whom in a VPC: in CloudWatch Logs, or in a bucket that an archive account brings."""

    title: ClassVar[str] = "flow log"

    bucket: str | None = Field(
        default=None, pattern=_BUCKET, description="None (CloudWatch Logs) or the bucket of a log archive"
    )
    traffic: Literal["ALL", "ACCEPT", "REJECT"] = Field(default="ALL", description="'ALL', 'ACCEPT' or 'REJECT'")
    kept_days: Annotated[int, AfterValidator(_retention)] = Field(
        default=365, description="a retention of CloudWatch Logs: 30, 90, 180, 365, …; a bucket has rules of its own"
    )
    interval_seconds: Literal[60, 600] = Field(default=600, description="60 or 600: how often a line is written")


class NetworkSpec(Spec):
    """A VPC of private subnets, one in each zone."""

    title: ClassVar[str] = "network"

    cidr: Cidr = Field(description="a private network such as '10.20.0.0/16'")
    zones: int = Field(default=3, ge=1, le=4, description="1 to 4 zones")
    nat: Literal["one", "per-zone", "none"] = Field(
        default="one",
        description="'one' (cheap), 'per-zone' (survives a lost zone) or 'none' (no way out but endpoints)",
    )
    gateway_endpoints: tuple[GatewayService, ...] = Field(
        default=get_args(GatewayService), description="'s3' and 'dynamodb'; they cost nothing"
    )
    interface_endpoints: tuple[InterfaceService, ...] | None = Field(
        default=None,
        description="AWS services in the VPC, at some 7 USD a month for each in each zone, or None: JOB_SERVICES where "
        "there is no NAT, else none",
    )
    outside_buckets: tuple[Annotated[str, Field(pattern=_BUCKET)], ...] = Field(
        default=(), description="buckets of other accounts that machines may read: ('open-images',)"
    )
    flow_logs: tuple[FlowLogSpec, ...] = Field(
        default=(FlowLogSpec(),), max_length=2, description="up to two FlowLogSpec(…), or () for none"
    )

    @property
    def block(self) -> IPv4Network:
        """The CIDR as a value to compute with."""
        return IPv4Network(self.cidr)

    @property
    def nat_gateways(self) -> int:
        """How many NAT gateways `nat` asks for."""
        return {"none": 0, "one": 1, "per-zone": self.zones}[self.nat]

    @property
    def private_blocks(self) -> list[IPv4Network]:
        """A subnet for each zone, in the upper half. A zone that is added later moves none of the others."""
        return list(self.block.subnets(3))[4 : 4 + self.zones]

    @property
    def public_blocks(self) -> list[IPv4Network]:
        """A small subnet for each NAT gateway, at the lower end."""
        return list(self.block.subnets(6))[: self.nat_gateways]

    @property
    def interface_services(self) -> tuple[InterfaceService, ...]:
        """The services that stand in the VPC."""
        if self.interface_endpoints is not None:
            return self.interface_endpoints
        return JOB_SERVICES if self.nat == "none" else ()

    @property
    def log_groups(self) -> tuple[FlowLogSpec, ...]:
        """The record that CloudWatch Logs keeps, if there is one."""
        return tuple(log for log in self.flow_logs if log.bucket is None)

    @property
    def log_archives(self) -> tuple[FlowLogSpec, ...]:
        """The records that buckets keep."""
        return tuple(log for log in self.flow_logs if log.bucket is not None)

    @property
    def quota_needs(self) -> tuple[QuotaNeed, ...]:
        """A VPC, its ways out and what stands in it."""
        return network(
            nat_gateways=self.nat_gateways,
            interface_endpoints=len(self.interface_services),
            gateway_endpoints=len(self.gateway_endpoints),
        )

    def broken_rules(self) -> Iterator[Problem]:
        """Every endpoint and every record once."""
        for field in ("gateway_endpoints", "interface_endpoints"):
            yield from sound(self._twice(field))
        yield from sound(self._same_destination())

    def _twice(self, field: str) -> Iterator[Problem]:
        services = getattr(self, field) or ()
        if len(set(services)) < len(services):
            yield self.problem(field, "names a service twice", "name each once")

    def _same_destination(self) -> Iterator[Problem]:
        buckets = [log.bucket for log in self.flow_logs]
        if len(set(buckets)) < len(buckets):
            rule = "writes two records to one place"
            yield Problem(self.title, f"flow_logs={len(buckets)} FlowLogSpec(…)", rule, "give each a bucket of its own")


class ExistingNetworkSpec(Spec):
    """A VPC that somebody else keeps, with its routes, endpoints and flow logs. Terraform looks it up and checks it."""

    title: ClassVar[str] = "existing network"

    vpc_id: str = Field(pattern=r"^vpc-[0-9a-f]{8,17}$", description="a VPC's id: 'vpc-0a1b2c3d4e5f67890'")
    cidr: Cidr = Field(description="the VPC's own network, such as '10.20.0.0/16'")
    subnet_ids: tuple[Annotated[str, Field(pattern=r"^subnet-[0-9a-f]{8,17}$")], ...] = Field(
        min_length=1, max_length=6, description="1 to 6 ids of private subnets, each in a zone of its own"
    )

    @property
    def block(self) -> IPv4Network:
        """The CIDR as a value to compute with."""
        return IPv4Network(self.cidr)

    @property
    def zones(self) -> int:
        """How many zones it spans."""
        return len(self.subnet_ids)

    # What its owner keeps is not made a second time.
    gateway_endpoints: ClassVar[tuple[GatewayService, ...]] = ()
    interface_services: ClassVar[tuple[InterfaceService, ...]] = ()
    outside_buckets: ClassVar[tuple[str, ...]] = ()
    log_groups: ClassVar[tuple[FlowLogSpec, ...]] = ()
    log_archives: ClassVar[tuple[FlowLogSpec, ...]] = ()

    def broken_rules(self) -> Iterator[Problem]:
        """Every subnet once."""
        if len(set(self.subnet_ids)) < len(self.subnet_ids):
            yield self.problem("subnet_ids", "names a subnet twice", "name each once")


AnyNetworkSpec = NetworkSpec | ExistingNetworkSpec
