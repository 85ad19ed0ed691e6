"""A pool asks Batch for as many vCPUs as its nodes have."""

import json
from pathlib import Path

import environments
from infra.gpu_pool import GpuPool
from infra.naming import Names
from infra.spec import GpuPoolSpec
from infra.toolkit import Stack, new_app


def test_nodes_become_vcpus_and_spot_comes_first(tmp_path: Path) -> None:
    environment = environments.load("local")
    spec = GpuPoolSpec(
        name="big",
        instance_types=("g5.12xlarge", "g6.12xlarge"),
        min_nodes=1,
        max_nodes=4,
        max_on_demand_nodes=2,
    )
    with new_app(tmp_path) as app:
        stack = Stack(app, environment, "us-east-1", "training")
        GpuPool(
            stack,
            "big",
            spec=spec,
            names=Names.of(environment, "us-east-1"),
            instance_profile_arn="arn:aws:iam::123456789012:instance-profile/machine",
            subnet_ids=("subnet-1",),
            security_group_id="sg-1",
            tags=stack.tags,
        )
    (file,) = tmp_path.glob("stacks/*/cdk.tf.json")
    resources = json.loads(file.read_text())["resource"]
    machines = {name: x["compute_resources"] for name, x in resources["aws_batch_compute_environment"].items()}
    sizes = {name: (x["type"], x["min_vcpus"], x["max_vcpus"]) for name, x in machines.items()}
    assert sizes == {"big_spot": ("SPOT", 48, 192), "big_on_demand": ("EC2", 0, 96)}
    order = resources["aws_batch_job_queue"]["big"]["compute_environment_order"]
    assert [x["compute_environment"].split(".")[1] for x in order] == ["big_spot", "big_on_demand"]
    # Else a changed template ends in "Provider produced inconsistent final plan": seen on provider 5.100.0.
    lifecycles = [x["lifecycle"] for x in resources["aws_batch_compute_environment"].values()]
    triggers = {"create_before_destroy": True, "replace_triggered_by": ["aws_launch_template.big.latest_version"]}
    assert lifecycles == [triggers, triggers]
