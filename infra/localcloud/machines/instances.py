"""How large the machines are that requests ask for by name."""

from dataclasses import dataclass


class UnknownInstanceTypeError(Exception):
    """No machine of that name exists."""


@dataclass(frozen=True)
class Capacity:
    """What one machine offers its container."""

    vcpus: int
    memory_bytes: int


def capacity_of(instance_type: str) -> Capacity:
    """The size of `ml.m5.large`: that of EC2's m5.large in moto's table. Raises UnknownInstanceTypeError."""
    from moto.ec2.models.instance_types import INSTANCE_TYPES

    facts = INSTANCE_TYPES.get(instance_type.removeprefix("ml."))
    if not facts or not instance_type.startswith("ml."):
        raise UnknownInstanceTypeError(instance_type)
    return Capacity(vcpus=facts["VCpuInfo"]["DefaultVCpus"], memory_bytes=facts["MemoryInfo"]["SizeInMiB"] * 2**20)


def serverless_capacity(memory_mb: int) -> Capacity:
    """The size of a serverless endpoint. AWS says only that vCPUs grow with memory; one per GiB is assumed here."""
    return Capacity(vcpus=max(1, memory_mb // 1024), memory_bytes=memory_mb * 2**20)
