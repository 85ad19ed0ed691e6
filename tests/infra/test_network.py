"""A network has the ways out that its spec asks for, and subnets that never move."""

import json
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any, Literal

import pytest

import environments
from infra.naming import Names
from infra.network import Network
from infra.spec import NetworkSpec
from infra.toolkit import Stack, new_app


def built(outdir: Path, spec: NetworkSpec) -> dict[str, dict[str, Any]]:
    environment = environments.load("local")
    with new_app(outdir) as app:
        stack = Stack(app, environment, "us-east-1", "network")
        Network(stack, "main", spec=spec, names=Names.of(environment, "us-east-1"))
    (file,) = outdir.glob("stacks/*/cdk.tf.json")
    resources: dict[str, dict[str, Any]] = json.loads(file.read_text())["resource"]
    return resources


@pytest.mark.parametrize(("nat", "gateways"), [("none", 0), ("one", 1), ("per-zone", 3)])
def test_ways_out(tmp_path: Path, nat: Literal["none", "one", "per-zone"], gateways: int) -> None:
    resources = built(tmp_path, NetworkSpec(cidr="10.0.0.0/16", nat=nat))
    assert len(resources.get("aws_nat_gateway", {})) == len(resources.get("aws_eip", {})) == gateways
    private = {name: route for name, route in resources.get("aws_route", {}).items() if "private" in name}
    ways = [route["nat_gateway_id"] for route in private.values()]
    assert len(ways) == (3 if gateways else 0)
    assert len(set(ways)) == gateways
    assert len(resources.get("aws_internet_gateway", {})) == min(gateways, 1)


def test_nothing_gets_a_public_address(tmp_path: Path) -> None:
    subnets = built(tmp_path, NetworkSpec(cidr="10.0.0.0/16", nat="per-zone"))["aws_subnet"]
    assert not any("map_public_ip_on_launch" in subnet for subnet in subnets.values())


@pytest.mark.parametrize("cidr", ["10.0.0.0/16", "10.0.0.0/22"])
def test_blocks_fit_and_do_not_overlap(cidr: str) -> None:
    spec = NetworkSpec(cidr=cidr, zones=4, nat="per-zone")
    blocks = spec.private_blocks + spec.public_blocks
    assert len(blocks) == 8
    assert all(block.subnet_of(IPv4Network(cidr)) and block.prefixlen <= 28 for block in blocks)
    assert not any(one.overlaps(other) for i, one in enumerate(blocks) for other in blocks[i + 1 :])


def test_one_more_zone_moves_no_subnet() -> None:
    two, three = (NetworkSpec(cidr="10.0.0.0/16", zones=zones) for zones in (2, 3))
    assert three.private_blocks[:2] == two.private_blocks
