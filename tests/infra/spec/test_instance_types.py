"""The table of instance types agrees with what EC2 says of them, as far as moto carries its answers."""

from typing import Any

import pytest
from moto.utilities.utils import load_resource

from infra.spec.instance_types import InstanceType, instance_types

# From their product pages: EC2 no longer offers them to new accounts, and moto does not know them.
BY_HAND = {"dl1.24xlarge", "p3.2xlarge", "p3.8xlarge", "p3.16xlarge"}
USAGE = {"o": "on-demand", "s": "spot", "c": "capacity-block"}


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    table: dict[str, Any] = load_resource("ec2/resources/instance_types.json")
    return table


def test_every_nvidia_type_is_there(described: dict[str, Any]) -> None:
    nvidia = {name for name, facts in described.items() if facts.get("GpuInfo")}
    assert nvidia <= instance_types().keys()
    assert {name for name in instance_types() if name not in described} == BY_HAND


def test_facts_are_those_of_ec2(described: dict[str, Any]) -> None:
    for name, fact in instance_types().items():
        if name not in BY_HAND:
            assert (name, _facts(described[name])) == (name, _told(fact))


def _told(fact: InstanceType) -> dict[str, object]:
    return {
        "vcpus": fact.vcpus,
        "memory": int(fact.memory_gib * 1024),
        "architecture": fact.architecture,
        "gpu_memory": fact.gpu_memory_gib,
        "efa": fact.efa,
        "cards": fact.network_cards,
        "network": fact.network_gbps,
        "nvme": fact.nvme_gb,
        "usage": {USAGE[letter] for letter in fact.usage},
    }


def _facts(described: dict[str, Any]) -> dict[str, object]:
    network = described["NetworkInfo"]
    cards = network.get("NetworkCards", [])
    (architecture,) = described["ProcessorInfo"]["SupportedArchitectures"][-1:]
    return {
        "vcpus": described["VCpuInfo"]["DefaultVCpus"],
        "memory": described["MemoryInfo"]["SizeInMiB"],
        "architecture": architecture,
        "gpu_memory": round(described.get("GpuInfo", {}).get("TotalGpuMemoryInMiB", 0) / 1024),
        "efa": network.get("EfaInfo", {}).get("MaximumEfaInterfaces", 0),
        "cards": network["MaximumNetworkCards"],
        "network": float(f"{sum(card.get('BaselineBandwidthInGbps', 0) for card in cards):g}"),
        "nvme": described.get("InstanceStorageInfo", {}).get("TotalSizeInGB", 0),
        "usage": set(described["SupportedUsageClasses"]) & set(USAGE.values()),
    }
