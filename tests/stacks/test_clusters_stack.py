"""The clusters of every environment: who may reach them, what they start from, how they come and go."""

import re
from collections.abc import Iterator
from typing import Any

import environments

Stacks = dict[str, dict[str, Any]]


def cluster_resources(stacks: Stacks, kind: str) -> Iterator[dict[str, Any]]:
    for stack, content in stacks.items():
        if stack.endswith("-clusters"):
            yield from content["resource"].get(kind, {}).values()


def test_every_environment_has_a_cluster(stacks: Stacks) -> None:
    for name in environments.names():
        assert any(region.clusters for region in environments.load(name).regions), name


def test_nobody_outside_reaches_a_member(stacks: Stacks) -> None:
    rules = list(cluster_resources(stacks, "aws_vpc_security_group_ingress_rule"))
    assert rules
    for rule in rules:
        assert rule["referenced_security_group_id"] == rule["security_group_id"]
        assert not {"cidr_ipv4", "cidr_ipv6", "prefix_list_id"} & rule.keys()
    assert all("ingress" not in group for group in cluster_resources(stacks, "aws_security_group"))


def test_machines_start_private_encrypted_and_without_ssh(stacks: Stacks) -> None:
    templates = list(cluster_resources(stacks, "aws_launch_template"))
    assert templates
    for template in templates:
        assert template["metadata_options"]["http_tokens"] == "required"
        assert template["metadata_options"]["http_put_response_hop_limit"] == 1
        (disk,) = template["block_device_mappings"]
        assert (disk["ebs"]["encrypted"], disk["ebs"]["volume_type"]) == ("true", "gp3")
        assert "aws_kms_key" in disk["ebs"]["kms_key_id"]
        assert template["image_id"].startswith("${data.aws_ssm_parameter.")
        assert not {"key_name", "network_interfaces", "instance_market_options"} & template.keys()
        tagged = {one["resource_type"] for one in template["tag_specifications"]}
        assert tagged == {"instance", "volume", "network-interface"}


def test_workers_are_diversified_rebalanced_and_drained_and_the_head_is_one(stacks: Stacks) -> None:
    groups = list(cluster_resources(stacks, "aws_autoscaling_group"))
    heads = [group for group in groups if group["name"].endswith("-head")]
    workers = [group for group in groups if group["name"].endswith("-workers")]
    assert len(heads) == len(workers) == len(groups) / 2 > 0
    assert all((head["min_size"], head["max_size"]) == (1, 1) for head in heads)
    assert all("mixed_instances_policy" not in head for head in heads)
    for group in workers:
        policy = group["mixed_instances_policy"]
        assert policy["instances_distribution"]["spot_allocation_strategy"] == "price-capacity-optimized"
        assert len(policy["launch_template"]["override"]) >= 4
        assert group["capacity_rebalance"] is True
        hooks = {hook["name"]: hook["lifecycle_transition"][-11:] for hook in group["initial_lifecycle_hook"]}
        assert hooks == {"set-up": "E_LAUNCHING", "drain": "TERMINATING"}
    kept = {
        (hook["name"], hook["default_result"]) for hook in cluster_resources(stacks, "aws_autoscaling_lifecycle_hook")
    }
    assert kept == {("set-up", "ABANDON"), ("drain", "CONTINUE")}


def test_terraform_is_handed_the_script_and_every_dollar_sign_in_it(stacks: Stacks) -> None:
    for stack, content in stacks.items():
        for script in content.get("locals", {}).values() if stack.endswith("-clusters") else ():
            # What is left are the values that Terraform puts in; all else of the shell's is escaped.
            put_in = re.findall(r"(?<!\$)\$\{([^}]*)\}", script)
            assert put_in, stack
            assert all(value.startswith(("aws_", "data.")) for value in put_in)
            assert 'ROOT="$${GROUNDPLAN_ROOT:-}"' in script


def test_schedules_move_the_bounds_and_leave_the_count_to_them(stacks: Stacks) -> None:
    resources = stacks["prod-us-east-1-clusters"]["resource"]
    scheduled = {one["scheduled_action_name"]: one for one in resources["aws_autoscaling_schedule"].values()}
    assert set(scheduled) == {"shared-day", "shared-night"}
    assert (scheduled["shared-day"]["min_size"], scheduled["shared-day"]["desired_capacity"]) == (2, -1)
