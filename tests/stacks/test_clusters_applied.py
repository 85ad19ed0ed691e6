"""A cluster as real Terraform makes it on the embedded cloud, down to the tags of every volume that it launches."""

import base64
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import environments
from ci.child_environment import child_environment
from ci.provider_mirror import write_configuration
from ci.tools import find_terraform
from ci.workspace import Workspace
from infra.localcloud import CloudRecord, start, stop
from infra.spec import Environment, RegionSpec
from infra.toolkit import new_app
from stacks.clusters import ClustersStack
from stacks.data import DataOutputs
from stacks.network import NetworkOutputs
from tests.localcloud.conftest import inventory, make_client

pytestmark = [pytest.mark.terraform, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
Part = tuple[str, str, dict[str, str]]


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudRecord]:
    home = tmp_path_factory.mktemp("cloud")
    yield start("clusters", home, program=ROOT)
    stop("clusters", home)


class Terraform:
    """Terraform in the folder of one stack."""

    def __init__(self, folder: Path, cloud: CloudRecord, home: Path) -> None:
        self._command = [str(find_terraform()), f"-chdir={folder}"]
        configuration = {"TF_CLI_CONFIG_FILE": str(write_configuration(Workspace(home=home)))}
        reach = {"AWS_ENDPOINT_URL": cloud.url, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
        self._environment = child_environment(configuration | reach, forget=("AWS_",))
        self.run("init")

    def run(self, *arguments: str, code: int = 0) -> None:
        """Run a command and hold it to its exit code."""
        done = subprocess.run(
            [*self._command, *arguments, "-no-color", "-input=false"],
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == code, done.stdout


def ground(cloud: CloudRecord) -> tuple[NetworkOutputs, DataOutputs]:
    """What the other stacks would hand over, made by hand: it is not what is tried here."""
    make_client(cloud, "s3").create_bucket(Bucket="groundplan-local-state")
    ec2, kms = make_client(cloud, "ec2"), make_client(cloud, "kms")
    vpc = ec2.create_vpc(CidrBlock="10.10.0.0/16")["Vpc"]["VpcId"]
    subnets = tuple(
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.10.{zone}.0/24", AvailabilityZone=f"us-east-1{letter}")["Subnet"][
            "SubnetId"
        ]
        for zone, letter in enumerate("ab")
    )
    network: dict[str, Any] = dict.fromkeys(NetworkOutputs.__dataclass_fields__, "none")
    data: dict[str, Any] = dict.fromkeys(DataOutputs.__dataclass_fields__, "arn:aws:s3:::none")
    data |= {"key_arn": kms.create_key()["KeyMetadata"]["Arn"], "image_uri": "123456789012.dkr.ecr/ml:v1"}
    return NetworkOutputs(**network | {"vpc_id": vpc, "subnet_ids": subnets}), DataOutputs(**data)


def one_cluster_of_two_workers() -> tuple[Environment, RegionSpec]:
    local = environments.load("local")
    spec = local.regions[0].clusters[0].model_copy(update={"min_workers": 2})
    return local, local.regions[0].model_copy(update={"clusters": (spec,)})


def launched(cloud: CloudRecord) -> list[Part]:
    """Every machine that is there, with its volumes and network interfaces, each with its tags."""
    ec2 = make_client(cloud, "ec2")
    found = ec2.describe_instances()["Reservations"]
    machines = [one for each in found for one in each["Instances"] if one["State"]["Name"] == "running"]
    parts = [("instance", one["InstanceId"], one["Tags"]) for one in machines]
    parts += [("volume", one["VolumeId"], one.get("Tags", [])) for one in ec2.describe_volumes()["Volumes"]]
    interfaces = ec2.describe_network_interfaces()["NetworkInterfaces"]
    parts += [("interface", one["NetworkInterfaceId"], one["TagSet"]) for one in interfaces]
    return [(kind, name, {tag["Key"]: tag["Value"] for tag in tags}) for kind, name, tags in parts]


def user_data(cloud: CloudRecord, template: str) -> str:
    """The script in a launch template."""
    ec2 = make_client(cloud, "ec2")
    found = ec2.describe_launch_template_versions(LaunchTemplateName=template, Versions=["$Default"])
    return base64.b64decode(found["LaunchTemplateVersions"][0]["LaunchTemplateData"]["UserData"]).decode()


def test_a_cluster_is_made_tagged_to_its_last_volume_and_gone_without_a_trace(
    cloud: CloudRecord, tmp_path: Path
) -> None:
    network, data = ground(cloud)
    before = inventory(cloud)
    local, region = one_cluster_of_two_workers()
    with new_app(tmp_path / "out") as app:
        tags = dict(ClustersStack(app, local, region, network, data).tags) | {"cluster": "shared"}
    terraform = Terraform(tmp_path / "out" / "stacks" / "local-us-east-1-clusters", cloud, tmp_path / "home")
    terraform.run("apply", "-auto-approve")
    terraform.run("plan", "-detailed-exitcode")
    workers = "groundplan-local-cluster-shared-workers"
    # What joins later is tagged as what was there first.
    make_client(cloud, "autoscaling").set_desired_capacity(AutoScalingGroupName=workers, DesiredCapacity=3)
    parts = launched(cloud)
    assert {kind: [part[0] for part in parts].count(kind) for kind in ("instance", "interface")} == {
        "instance": 4,
        "interface": 4,
    }
    assert len([part for part in parts if part[0] == "volume"]) >= 4
    untagged = [
        f"{kind} {name}: {tags.items() - found.items()}" for kind, name, found in parts if tags.items() - found.items()
    ]
    assert not untagged
    script = user_data(cloud, "groundplan-local-cluster-shared-head")
    zone = make_client(cloud, "route53").list_hosted_zones()["HostedZones"][0]["Id"].rsplit("/", 1)[1]
    assert f"ZONE_ID='{zone}'\n" in script
    # What the shell puts in is left to the shell.
    assert 'METADATA="${AWS_EC2_METADATA_SERVICE_ENDPOINT:-http://169.254.169.254}"' in script
    terraform.run("destroy", "-auto-approve")
    left = [one for one in inventory(cloud) if one not in before]
    assert [one for one in left if one["service"] != "s3"] == []
