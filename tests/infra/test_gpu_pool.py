"""A pool asks Batch for as many vCPUs as its nodes have, and puts them where they belong."""

import base64
import email
import json
from pathlib import Path
from typing import Any

import environments
from infra.gpu_pool import GpuPool
from infra.naming import Names
from infra.pool_machine import PoolMachine
from infra.spec import FairShareSpec, GpuPoolSpec
from infra.toolkit import Stack, new_app


def synthesized(outdir: Path, spec: GpuPoolSpec) -> dict[str, Any]:
    """Return the resources of one pool in three subnets, type → name → arguments."""
    environment = environments.load("local")
    names = Names.of(environment, "us-east-1")
    with new_app(outdir) as app:
        stack = Stack(app, environment, "us-east-1", "pools")
        machine = PoolMachine(stack, "big-machine", spec=spec, names=names, security_group_id="sg-1", tags=stack.tags)
        GpuPool(
            stack,
            "big",
            spec=spec,
            names=names,
            template_id=machine.id,
            template_version=machine.version,
            template_address=machine.address,
            instance_profile_arn="arn:aws:iam::123456789012:instance-profile/machine",
            subnet_ids=("subnet-1", "subnet-2", "subnet-3"),
            security_group_id="sg-1",
        )
    (file,) = outdir.glob("stacks/*/cdk.tf.json")
    resources: dict[str, Any] = json.loads(file.read_text())["resource"]
    return resources


def test_a_spot_pool_is_spread_wide_with_a_queue_on_demand_beside_it(tmp_path: Path) -> None:
    types = ("g5.12xlarge", "g6.12xlarge", "g6e.12xlarge", "g4dn.12xlarge")
    spec = GpuPoolSpec(name="big", instance_types=types, min_nodes=1, max_nodes=4, max_on_demand_nodes=2)
    resources = synthesized(tmp_path, spec)
    machines = {name: x["compute_resources"] for name, x in resources["aws_batch_compute_environment"].items()}
    sizes = {name: (x["type"], x["min_vcpus"], x["max_vcpus"]) for name, x in machines.items()}
    assert sizes == {"big_machines": ("SPOT", 48, 192), "big_on_demand_machines": ("EC2", 0, 96)}
    assert machines["big_machines"]["allocation_strategy"] == "SPOT_PRICE_CAPACITY_OPTIMIZED"
    for one in machines.values():
        assert one["instance_type"] == list(types)
        assert one["subnets"] == ["subnet-1", "subnet-2", "subnet-3"]
        assert one["ec2_configuration"] == [{"image_type": "ECS_AL2023_NVIDIA"}]
        assert "placement_group" not in one
    queues = resources["aws_batch_job_queue"]
    served = {
        name: [x["compute_environment"] for x in queue["compute_environment_order"]] for name, queue in queues.items()
    }
    assert served == {
        "big": ["${aws_batch_compute_environment.big_machines.arn}"],
        "big_on_demand": ["${aws_batch_compute_environment.big_on_demand_machines.arn}"],
    }
    (limit,) = queues["big"]["job_state_time_limit_action"]
    assert (limit["action"], limit["max_time_seconds"]) == ("CANCEL", 1800)
    # Else a changed template ends in "Provider produced inconsistent final plan": seen on provider 5.100.0.
    lifecycles = [x["lifecycle"] for x in resources["aws_batch_compute_environment"].values()]
    triggers = {
        "create_before_destroy": True,
        "replace_triggered_by": ["aws_launch_template.big_machine.latest_version"],
    }
    assert lifecycles == [triggers, triggers]


def test_nodes_of_one_job_share_a_zone_a_cluster_and_a_fabric(tmp_path: Path) -> None:
    spec = GpuPoolSpec(
        name="big",
        instance_types=("p4d.24xlarge",),
        purchase="on-demand",
        nodes=2,
        max_nodes=4,
        zone=1,
        fair_shares=(FairShareSpec(name="research", weight=2.0),),
    )
    resources = synthesized(tmp_path, spec)
    (machines,) = [x["compute_resources"] for x in resources["aws_batch_compute_environment"].values()]
    assert machines["subnets"] == ["subnet-2"]
    assert machines["placement_group"] == "${aws_placement_group.big.name}"
    assert resources["aws_placement_group"]["big"]["strategy"] == "cluster"
    assert "security_group_ids" not in machines
    template = resources["aws_launch_template"]["big_machine"]
    fabric = template["network_interfaces"]
    told = [(x["network_card_index"], x["device_index"], x["interface_type"]) for x in fabric]
    assert told == [(0, 0, "efa"), (1, 1, "efa-only"), (2, 1, "efa-only"), (3, 1, "efa-only")]
    assert all(x["security_groups"] == ["sg-1"] for x in fabric)
    assert set(resources["aws_batch_job_queue"]) == {"big"}
    assert resources["aws_batch_job_queue"]["big"]["scheduling_policy_arn"] == "${aws_batch_scheduling_policy.big.arn}"
    (share,) = resources["aws_batch_scheduling_policy"]["big"]["fair_share_policy"]["share_distribution"]
    assert share == {"share_identifier": "research", "weight_factor": 2}
    scripts = email.message_from_bytes(base64.b64decode(template["user_data"])).get_payload()
    assert len(scripts) == 2
    assert "efa_installer" in str(scripts[1])


def test_a_capacity_block_is_named_twice_as_ec2_wants_it(tmp_path: Path) -> None:
    spec = GpuPoolSpec(
        name="big",
        instance_types=("p5.48xlarge",),
        purchase="capacity-block",
        capacity_reservation="cr-0123456789abcdef0",
        nodes=2,
        max_nodes=2,
    )
    template = synthesized(tmp_path, spec)["aws_launch_template"]["big_machine"]
    assert template["instance_market_options"] == {"market_type": "capacity-block"}
    target = template["capacity_reservation_specification"]["capacity_reservation_target"]
    assert target == {"capacity_reservation_id": "cr-0123456789abcdef0"}
    assert len(template["network_interfaces"]) == 32


def test_machines_without_a_fabric_keep_batchs_one_interface(tmp_path: Path) -> None:
    resources = synthesized(
        tmp_path, GpuPoolSpec(name="big", instance_types=("g5.xlarge",), least_types=1, max_nodes=1)
    )
    template = resources["aws_launch_template"]["big_machine"]
    assert "network_interfaces" not in template
    assert "instance_market_options" not in template
    (script,) = email.message_from_bytes(base64.b64decode(template["user_data"])).get_payload()
    assert script.get_content_type() == "text/x-shellscript"  # type: ignore[union-attr]
