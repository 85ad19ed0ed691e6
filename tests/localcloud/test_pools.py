"""Pools of every kind, applied by Terraform, read back unchanged, destroyed without a trace."""

import functools
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import environments
from ci.drill.pools import reclaim
from infra.batch_instance_profile import BatchInstanceProfile
from infra.gpu_job import GpuJob
from infra.gpu_pool import GpuPool
from infra.job_events import JobEvents
from infra.job_role import JobRole
from infra.localcloud import CloudRecord
from infra.localcloud.instance_metadata import serving
from infra.naming import Names
from infra.pool_machine import PoolMachine
from infra.spec import FairShareSpec, GpuNeed, GpuPoolSpec
from infra.toolkit import Stack, new_app
from ml.contract import Container
from ml.training.notices import NoticeQueue, sources
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
        events = JobEvents(stack, "events", names=names, key_arn=where["key"])
        keys = {"key_arn": where["key"], "notice_key_arn": where["key"], "notice_queue_arn": events.notice_queue_arn}
        role = JobRole(stack, "jobs", names=names, reads=("arn:aws:s3:::d",), writes="arn:aws:s3:::a", **keys)
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
                notice_queue_url=events.notice_queue_url,
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


@pytest.fixture
def spot_machine(cloud: CloudRecord) -> Iterator[str]:
    """A spot machine that nothing runs on; experiments on it are cleared away."""
    ec2, fis = make_client(cloud, "ec2"), make_client(cloud, "fis")
    (made,) = ec2.run_instances(
        ImageId="ami-12c6146b",
        MinCount=1,
        MaxCount=1,
        InstanceMarketOptions={"MarketType": "spot"},
        TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "pool", "Value": "idle"}]}],
    )["Instances"]
    yield made["InstanceId"]
    ec2.terminate_instances(InstanceIds=[made["InstanceId"]])
    for template in fis.list_experiment_templates()["experimentTemplates"]:
        fis.delete_experiment_template(id=template["id"])


def test_a_job_hears_of_its_machine_on_the_queue_that_its_definition_names(
    pools: Module, cloud: CloudRecord, spot_machine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FIS, the rule, the encrypted queue and the trainer's own ears, as Terraform joined them."""
    batch = make_client(cloud, "batch")
    (definition,) = batch.describe_job_definitions(jobDefinitionName="groundplan-pools-pool-spot", status="ACTIVE")[
        "jobDefinitions"
    ]
    variables = {one["name"]: one["value"] for one in definition["containerProperties"]["environment"]}
    queue = variables["GROUNDPLAN_NOTICE_QUEUE"]
    for name, value in {"AWS_ENDPOINT_URL": cloud.url, "AWS_DEFAULT_REGION": REGION}.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with serving(spot_machine) as metadata:
        _, ears = sources(Container(base=tmp_path, metadata_endpoint=metadata.url, notice_queue=queue))
    other = NoticeQueue(queue, "i-another")
    assert (ears.notice(), other.notice()) == ("", "")
    reclaim(functools.partial(make_client, cloud), {"pool": "idle"})
    for _ in range(10):
        assert other.notice() == "", "ten readers who hand it back do not use it up"
    said = sorted((ears.notice(), ears.notice()))
    assert said[0].startswith(f"rebalance recommendation (instance-id {spot_machine}, time 2")
    assert said[1].startswith(
        f"spot interruption notice (instance-id {spot_machine}, instance-action terminate, time 2"
    )
    assert ears.notice() == ""
