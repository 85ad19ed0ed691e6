"""A network has the ways out and in that its spec asks for, and subnets that never move."""

import json
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any, Literal

import pytest

import environments
from infra.spec import JOB_SERVICES, AnyNetworkSpec, ExistingNetworkSpec, FlowLogSpec, NetworkSpec
from infra.toolkit import new_app
from stacks.network import NetworkStack


def document(outdir: Path, spec: AnyNetworkSpec) -> dict[str, Any]:
    """The Terraform JSON of the network stack of `local` with that network."""
    environment = environments.load("local")
    region = environment.regions[0].model_copy(update={"network": spec})
    with new_app(outdir) as app:
        NetworkStack(app, environment, region)
    (file,) = outdir.glob("stacks/*/cdk.tf.json")
    read: dict[str, Any] = json.loads(file.read_text())
    return read


def built(outdir: Path, spec: AnyNetworkSpec) -> dict[str, dict[str, Any]]:
    resources: dict[str, dict[str, Any]] = document(outdir, spec)["resource"]
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


def test_services_stand_in_each_zone_and_answer_to_their_own_names(tmp_path: Path) -> None:
    resources = built(tmp_path, NetworkSpec(cidr="10.0.0.0/16", zones=2, nat="none"))
    endpoints = resources["aws_vpc_endpoint"]
    names = {endpoint["service_name"].removeprefix("com.amazonaws.us-east-1.") for endpoint in endpoints.values()}
    assert names == {"s3", "dynamodb", *JOB_SERVICES}
    interfaces = [endpoint for endpoint in endpoints.values() if endpoint.get("vpc_endpoint_type") == "Interface"]
    assert len(interfaces) == len(JOB_SERVICES)
    assert all(len(endpoint["subnet_ids"]) == 2 and endpoint["private_dns_enabled"] for endpoint in interfaces)
    (vpc,) = resources["aws_vpc"].values()
    assert vpc["enable_dns_hostnames"]
    assert vpc["enable_dns_support"]
    (rule,) = [rule for name, rule in resources["aws_vpc_security_group_ingress_rule"].items() if "endpoints" in name]
    assert (rule["cidr_ipv4"], rule["from_port"], rule["to_port"]) == ("10.0.0.0/16", 443, 443)


def test_no_foreign_identity_and_no_foreign_bucket_pass_an_endpoint(tmp_path: Path) -> None:
    spec = NetworkSpec(cidr="10.0.0.0/16", interface_endpoints=("sts",), outside_buckets=("open-images",))
    endpoints = built(tmp_path, spec)["aws_vpc_endpoint"]
    own = {"aws:PrincipalAccount": "123456789012"}
    for name, endpoint in endpoints.items():
        first, *more = json.loads(endpoint["policy"])["Statement"]
        assert first["Condition"]["StringEquals"].items() >= own.items(), name
        assert all(action.startswith(("s3:Get", "s3:List")) for statement in more for action in statement["Action"])
    anywhere, of_aws, outside = json.loads(endpoints["endpoints_s3"]["policy"])["Statement"]
    assert anywhere["Condition"]["StringEquals"]["aws:ResourceAccount"] == "123456789012"
    assert "arn:aws:s3:::prod-us-east-1-starport-layer-bucket/*" in of_aws["Resource"]
    assert outside["Resource"] == ["arn:aws:s3:::open-images", "arn:aws:s3:::open-images/*"]


def test_flow_logs_go_to_an_encrypted_group_and_to_an_archive(tmp_path: Path) -> None:
    logs = (FlowLogSpec(kept_days=90), FlowLogSpec(bucket="archive", traffic="REJECT"))
    resources = built(tmp_path, NetworkSpec(cidr="10.0.0.0/16", flow_logs=logs))
    (group,) = resources["aws_cloudwatch_log_group"].values()
    assert (group["retention_in_days"], group["kms_key_id"]) == (90, "${aws_kms_key.flow_logs.arn}")
    places = {log["log_destination"]: log["traffic_type"] for log in resources["aws_flow_log"].values()}
    assert places == {
        "${aws_cloudwatch_log_group.flow_log.arn}": "ALL",
        "arn:aws:s3:::archive/groundplan/local/": "REJECT",
    }


def test_the_default_group_is_emptied(tmp_path: Path) -> None:
    (group,) = built(tmp_path, NetworkSpec(cidr="10.0.0.0/16"))["aws_default_security_group"].values()
    assert not group.keys() & {"ingress", "egress"}


def test_an_existing_network_is_looked_up_and_checked_by_terraform(tmp_path: Path) -> None:
    spec = ExistingNetworkSpec(
        vpc_id="vpc-0a1b2c3d", cidr="10.9.0.0/16", subnet_ids=("subnet-0000000a", "subnet-0000000b")
    )
    found = document(tmp_path, spec)
    assert set(found["resource"]) == {
        "aws_security_group",
        "aws_vpc_security_group_egress_rule",
        "aws_vpc_security_group_ingress_rule",
    }
    (vpc,) = found["data"]["aws_vpc"].values()
    assert vpc["lifecycle"]["postcondition"][0]["condition"] == '${self.cidr_block == "10.9.0.0/16"}'
    assert [subnet["id"] for subnet in found["data"]["aws_subnet"].values()] == list(spec.subnet_ids)
    group = found["resource"]["aws_security_group"]["workload"]
    assert group["vpc_id"] == "${data.aws_vpc.main_vpc.id}"
