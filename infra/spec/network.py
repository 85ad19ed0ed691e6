"""The word for a region's network."""

from ipaddress import IPv4Network
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from infra.spec.base import Spec


def _network(text: str) -> str:
    try:
        block = IPv4Network(text)
    except ValueError as error:
        raise ValueError(f"is no IPv4 network ({error})") from None
    if not 16 <= block.prefixlen <= 22:
        raise ValueError(f"is a /{block.prefixlen} network where a VPC here is a /16 to a /22")
    return text


class NetworkSpec(Spec):
    """A VPC of private subnets, one in each zone."""

    title: ClassVar[str] = "network"

    cidr: Annotated[str, AfterValidator(_network)] = Field(description="a private network such as '10.20.0.0/16'")
    zones: int = Field(default=3, ge=1, le=4, description="1 to 4 zones")
    nat: Literal["one", "per-zone", "none"] = Field(
        default="one",
        description="'one' (cheap), 'per-zone' (survives a lost zone) or 'none' (no way out but endpoints)",
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
