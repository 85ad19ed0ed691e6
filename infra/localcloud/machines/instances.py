"""How large the machines are that requests ask for by name."""

from dataclasses import dataclass
from functools import cache
from typing import Any


class UnknownInstanceTypeError(Exception):
    """No machine of that name exists."""


@dataclass(frozen=True)
class Capacity:
    """What one machine offers its container."""

    vcpus: int
    memory_bytes: int


def capacity_of(instance_type: str) -> Capacity:
    """The size of `ml.m5.large`: that of EC2's m5.large in moto's table. Raises UnknownInstanceTypeError."""
    facts = _moto_table().get(instance_type.removeprefix("ml."))
    if not facts or not instance_type.startswith("ml."):
        raise UnknownInstanceTypeError(instance_type)
    return Capacity(vcpus=facts["VCpuInfo"]["DefaultVCpus"], memory_bytes=facts["MemoryInfo"]["SizeInMiB"] * 2**20)


def serverless_capacity(memory_mb: int) -> Capacity:
    """The size of a serverless endpoint. AWS says only that vCPUs grow with memory; one per GiB is assumed here."""
    return Capacity(vcpus=max(1, memory_mb // 1024), memory_bytes=memory_mb * 2**20)


@cache
def _moto_table() -> dict[str, Any]:
    """The table alone: importing the module that holds it loads all of moto's EC2, which takes seconds."""
    from moto.utilities.utils import load_resource

    table: dict[str, Any] = load_resource("ec2/resources/instance_types.json")
    return table
