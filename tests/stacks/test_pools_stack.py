"""What pools need of other stacks, and what they hand to who starts jobs."""

from typing import Any

import environments
from infra.spec.contract import PoolContract

Stacks = dict[str, dict[str, Any]]


def default_group(stacks: Stacks, stack: str) -> dict[str, Any]:
    (group,) = stacks[stack]["resource"]["aws_default_security_group"].values()
    assert isinstance(group, dict)
    return group


def test_the_default_group_speaks_where_nodes_have_a_fabric_and_nowhere_else(stacks: Stacks) -> None:
    opened = default_group(stacks, "prod-us-east-1-network")
    assert [rule["self"] for rule in opened["ingress"]] == [True]
    assert not any(rule.get("cidr_blocks") for rule in opened["ingress"])
    assert not default_group(stacks, "prod-eu-west-1-network").get("ingress")


def test_every_pool_tells_its_launcher_where_to_go_on(stacks: Stacks) -> None:
    parameters = stacks["prod-us-east-1-training"]["resource"]["aws_ssm_parameter"].values()
    found = {
        one["name"].rsplit("/", 1)[-1]: PoolContract.model_validate_json(one["value"])
        for one in parameters
        if "/pools/" in one["name"]
    }
    pools = {pool.name: pool for pool in environments.load("prod").regions[0].gpu_pools}
    assert found.keys() == pools.keys()
    assert {name: len(contract.queue_arns) for name, contract in found.items()} == {"small": 2, "large": 2, "wide": 1}
    assert found["wide"].fair_shares == ("product", "research")
    assert found["small"].instance_types == pools["small"].types
    assert all(contract.events_queue == "groundplan-prod-job-events" for contract in found.values())
