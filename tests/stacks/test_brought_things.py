"""What an environment brings instead of making it is looked up, checked, used, and outlives the environment."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

import environments
from infra import localcloud
from infra.localcloud import CloudRecord
from infra.spec import Environment, ExistingNetworkSpec, ExistingSpec
from infra.toolkit import new_app
from stacks.data import DataStack
from stacks.network import NetworkStack
from tests.localcloud.terraform import Terraform

ROOT = Path(__file__).parents[2]
REGION = "us-east-1"
KEY = f"arn:aws:kms:{REGION}:123456789012:key/{'0' * 8}-0000-0000-0000-{'0' * 12}"


def bringing(network: ExistingNetworkSpec, existing: ExistingSpec) -> Environment:
    local = environments.load("local")
    region = local.regions[0].model_copy(update={"network": network, "existing": existing})
    return local.model_copy(update={"regions": (region,)})


def written(outdir: Path, environment: Environment) -> dict[str, Path]:
    """The Terraform JSON of the two stacks that bring things, by component."""
    with new_app(outdir) as app:
        for stack in (NetworkStack, DataStack):
            stack(app, environment, environment.regions[0])
    return {file.parent.name.rsplit("-", 1)[1]: file for file in outdir.glob("stacks/*/cdk.tf.json")}


def test_what_is_brought_is_not_made(tmp_path: Path) -> None:
    network = ExistingNetworkSpec(vpc_id="vpc-0a1b2c3d", cidr="10.9.0.0/16", subnet_ids=("subnet-0000000a",))
    existing = ExistingSpec(key_arn=KEY, data_bucket="their-data", artifact_bucket="their-models")
    found = json.loads(written(tmp_path, bringing(network, existing))["data"].read_text())
    assert not found["resource"].keys() & {"aws_s3_bucket", "aws_s3_bucket_policy"}
    assert list(found["resource"]["aws_kms_key"]) == ["signing"]
    repository = found["resource"]["aws_ecr_repository"]["images"]
    assert repository["encryption_configuration"][0]["kms_key"] == "${data.aws_kms_key.main_key.arn}"
    assert {bucket["bucket"] for bucket in found["data"]["aws_s3_bucket"].values()} == {"their-data", "their-models"}


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[CloudRecord]:
    yield localcloud.start("brought", tmp_path, program=ROOT)
    localcloud.stop("brought", tmp_path)


def owned_by_others(cloud: CloudRecord) -> tuple[ExistingNetworkSpec, ExistingSpec]:
    """A network, a key and a bucket that another team made."""
    session: Any = boto3.Session("test", "test", region_name=REGION)
    ec2, kms, s3 = (session.client(name, endpoint_url=cloud.url) for name in ("ec2", "kms", "s3"))
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnets = tuple(
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.9.{number}.0/24", AvailabilityZone=f"{REGION}{zone}")["Subnet"][
            "SubnetId"
        ]
        for number, zone in enumerate("ab")
    )
    s3.create_bucket(Bucket="their-data")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    network = ExistingNetworkSpec(vpc_id=vpc, cidr="10.9.0.0/16", subnet_ids=subnets)
    return network, ExistingSpec(key_arn=key, data_bucket="their-data")


@pytest.mark.terraform
@pytest.mark.slow
def test_terraform_uses_what_is_brought_and_leaves_it(cloud: CloudRecord, tmp_path: Path) -> None:
    (tmp_path / "terraform").mkdir()
    terraform = Terraform(tmp_path / "terraform")
    network, existing = owned_by_others(cloud)
    wrong = bringing(network.model_copy(update={"cidr": "10.8.0.0/16"}), existing)
    refused = terraform.stack(written(tmp_path / "wrong", wrong)["network"], cloud).plan()
    assert refused.code == 1
    assert "cidr='10.8.0.0/16' is not that of vpc-" in " ".join(refused.text.replace("│", "").split())

    files = written(tmp_path / "right", bringing(network, existing))
    stacks = [terraform.stack(files[component], cloud) for component in ("network", "data")]
    for stack in stacks:
        applied = stack.apply()
        assert applied.code == 0, applied.text
        planned = stack.plan()
        assert planned.code == 0, planned.text
    for stack in stacks:
        destroyed = stack.destroy()
        assert destroyed.code == 0, destroyed.text
    session: Any = boto3.Session("test", "test", region_name=REGION)
    s3, kms = (session.client(name, endpoint_url=cloud.url) for name in ("s3", "kms"))
    assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == ["their-data"]
    assert kms.describe_key(KeyId=existing.key_arn)["KeyMetadata"]["Enabled"]
