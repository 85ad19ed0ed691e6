"""Compute environments: made side by side, changed in place, read back as they are."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from infra.localcloud import CloudRecord, start, stop
from tests.localcloud.conftest import inventory, make_client

ROOT = Path(__file__).parents[2]
TRUST = '{"Version": "2012-10-17", "Statement": []}'
ROLE = "arn:aws:iam::123456789012:role/aws-service-role/batch.amazonaws.com/AWSServiceRoleForBatch"


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudRecord]:
    """A cloud in which nobody has used Batch before."""
    home = tmp_path_factory.mktemp("batch")
    yield start("batch", home, program=ROOT)
    stop("batch", home)


@pytest.fixture(scope="module")
def machines(fresh: CloudRecord) -> dict[str, Any]:
    ec2, iam = make_client(fresh, "ec2"), make_client(fresh, "iam")
    iam.create_role(RoleName="machine", AssumeRolePolicyDocument=TRUST)
    profile = iam.create_instance_profile(InstanceProfileName="machine")["InstanceProfile"]["Arn"]
    iam.add_role_to_instance_profile(InstanceProfileName="machine", RoleName="machine")
    return {
        "type": "SPOT",
        "minvCpus": 0,
        "maxvCpus": 16,
        "instanceTypes": ["g5.xlarge"],
        "subnets": [ec2.describe_subnets()["Subnets"][0]["SubnetId"]],
        "securityGroupIds": [ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]],
        "instanceRole": profile,
    }


def test_environments_made_at_the_same_time_share_the_role_that_batch_makes(
    fresh: CloudRecord, machines: dict[str, Any]
) -> None:
    batch = make_client(fresh, "batch")
    together = Barrier(4)

    def create(number: int) -> None:
        together.wait(timeout=60)
        batch.create_compute_environment(
            computeEnvironmentName=f"together-{number}", type="MANAGED", computeResources=machines
        )

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(create, range(4)))
    made = batch.describe_compute_environments()["computeEnvironments"]
    assert {one["serviceRole"] for one in made} == {ROLE}
    assert not [one for one in inventory(fresh) if "AWSServiceRole" in one["id"]]


def test_what_is_changed_in_place_is_read_back(fresh: CloudRecord, machines: dict[str, Any]) -> None:
    batch = make_client(fresh, "batch")
    name = {"computeEnvironments": ["changed"]}
    creation = {"computeEnvironmentName": "changed", "type": "MANAGED", "computeResources": machines}
    arn = batch.create_compute_environment(**creation)["computeEnvironmentArn"]
    changes = {"maxvCpus": 64, "instanceTypes": ["g5.xlarge", "g6.xlarge"]}
    batch.update_compute_environment(computeEnvironment=arn, computeResources=changes)
    batch.update_compute_environment(computeEnvironment="changed", state="DISABLED")
    found = batch.describe_compute_environments(**name)["computeEnvironments"][0]
    assert found["state"] == "DISABLED"
    assert {member: found["computeResources"][member] for member in changes} == changes
    assert found["computeResources"]["subnets"] == machines["subnets"]
    batch.delete_compute_environment(computeEnvironment=arn)
    batch.create_compute_environment(**creation)
    again = batch.describe_compute_environments(**name)["computeEnvironments"][0]
    assert again["computeResources"]["maxvCpus"] == 16
