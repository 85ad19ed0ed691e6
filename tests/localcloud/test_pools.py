"""Pools of every kind, applied by Terraform, read back unchanged, destroyed without a trace."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import environments
from infra.batch_instance_profile import BatchInstanceProfile
from infra.gpu_job import GpuJob
from infra.gpu_pool import GpuPool
from infra.job_role import JobRole
from infra.localcloud import CloudRecord
from infra.naming import Names
from infra.pool_machine import PoolMachine
from infra.spec import FairShareSpec, GpuNeed, GpuPoolSpec
from infra.toolkit import Stack, new_app
from tests.localcloud.conftest import inventory, make_client
from tests.localcloud.terraform import Module, Terraform

# A queue takes Batch half a minute to make and as long to delete, in the provider's own patience.
pytestmark = [pytest.mark.terraform, pytest.mark.slow]
REGION = "us-east-1"
SPOT = GpuPoolSpec(name="spot", need=GpuNeed(gpus=1), max_nodes=2, reclaims_before_on_demand=1)
WIDE = GpuPoolSpec(
    name="wide",
    instance_types=("p4d.24xlarge",),
    purchase="capacity-block",
    capacity_reservation="cr-0123456789abcdef0",
    nodes=2,
    max_nodes=2,
    fair_shares=(FairShareSpec(name="research"),),
)


def build(outdir: Path, where: dict[str, Any], *pools: GpuPoolSpec) -> dict[str, Any]:
    """Return the Terraform JSON of these pools and their jobs, in one state on a local disk."""
    environment = environments.load("local").model_copy(update={"name": "pools"})
    names = Names.of(environment, REGION)
    with new_app(outdir) as app:
        stack = Stack(app, environment, REGION, "pools")
        profile = BatchInstanceProfile(stack, "batch", names=names)
        role = JobRole(
            stack, "jobs", names=names, reads=("arn:aws:s3:::d",), writes="arn:aws:s3:::a", key_arn=where["key"]
        )
        for spec in pools:
            group = where["group"]
            machine = PoolMachine(
                stack, f"{spec.name}-machine", spec=spec, names=names, security_group_id=group, tags=stack.tags
            )
            GpuPool(
                stack,
                spec.name,
                spec=spec,
                names=names,
                template_id=machine.id,
                template_version=machine.version,
                template_address=machine.address,
                instance_profile_arn=profile.arn,
                subnet_ids=where["subnets"],
                security_group_id=group,
            )
            GpuJob(
                stack,
                f"{spec.name}-jobs",
                spec=spec,
                names=names,
                image_uri="example/ml:v1",
                role_arn=role.arn,
                key_arn=where["key"],
                data_bucket="d",
                artifact_bucket="a",
            )
    (file,) = outdir.glob("stacks/*/cdk.tf.json")
    document: dict[str, Any] = json.loads(file.read_text())
    del document["terraform"]["backend"]
    return document


@pytest.fixture(scope="module")
def where(cloud: CloudRecord) -> dict[str, Any]:
    """A network that is there, and a key."""
    ec2 = make_client(cloud, "ec2")
    return {
        "subnets": [subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"]],
        "group": ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"],
        "key": make_client(cloud, "kms").create_key()["KeyMetadata"]["Arn"],
    }


@pytest.fixture(scope="module")
def pools(
    cloud: CloudRecord, terraform: Terraform, where: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Module]:
    """Both pools, for as long as the tests of this file run."""
    before = inventory(cloud)
    folder = tmp_path_factory.mktemp("pools")
    document = build(folder / "out", where, SPOT, WIDE)
    (folder / "main.tf.json").write_text(json.dumps(document))
    shutil.copy(terraform.lock_file, folder)
    module = Module(terraform, folder, cloud)
    applied = module.apply()
    try:
        assert applied.code == 0, applied.text
        yield module
    finally:
        destroyed = module.destroy()
    assert destroyed.code == 0, destroyed.text
    assert inventory(cloud) == before


def test_nothing_is_to_change_after_a_deploy(pools: Module) -> None:
    planned = pools.plan()
    assert planned.code == 0, planned.text
