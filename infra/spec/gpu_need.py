"""The word for a machine that is wanted for what it has, and the search of types that have it."""

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from infra.spec.base import Spec
from infra.spec.instance_types import InstanceType, instance_types

ADD_TYPE = "see infra/spec/instance_types.csv, and add a line for a new type"


class GpuNeed(Spec):
    """What a machine must have at least. Of the sizes that fit, the smallest with enough types is taken."""

    title: ClassVar[str] = "gpu need"

    gpus: int = Field(default=1, ge=1, le=16, description="1 to 16 NVIDIA GPUs, just as many")
    gpu_memory_gib: float = Field(
        default=15.0, ge=1, description="memory of each GPU: 15.0 (T4), 22.0 (A10G, L4), 80.0"
    )
    memory_gib: float = Field(default=1.0, ge=1, description="the machine's own memory: 64.0")
    vcpus: int | None = Field(default=None, ge=1, description="just as many, or None for the smallest size that fits")
    architecture: Literal["x86_64", "arm64"] = Field(default="x86_64", description="'x86_64' or 'arm64'")
    accelerators: tuple[str, ...] = Field(default=(), description="GPUs by name: ('A10G', 'L4'), or () for any")
    network_gbps: float = Field(default=0.0, ge=0, description="what it can always send: 50.0")
    nvme_gb: int = Field(default=0, ge=0, description="instance store for scratch: 400")
    efa: int = Field(default=0, ge=0, description="EFA interfaces: 1")

    def types(self, usage: str, least_types: int) -> tuple[str, ...]:
        """Return the types of one size that fit and are sold as `usage`, those with the least memory first."""
        by_vcpus: dict[int, list[InstanceType]] = {}
        for fact in instance_types().values():
            if usage in fact.usage and self._fits(fact):
                by_vcpus.setdefault(fact.vcpus, []).append(fact)
        if not by_vcpus:
            return ()
        enough = [vcpus for vcpus, facts in by_vcpus.items() if len(facts) >= least_types]
        chosen = min(enough) if enough else max(by_vcpus, key=lambda vcpus: (len(by_vcpus[vcpus]), -vcpus))
        facts = sorted(by_vcpus[chosen], key=lambda fact: (fact.gpu_memory_gib, fact.memory_gib, fact.name))
        return tuple(fact.name for fact in facts)

    def told(self) -> str:
        """Return the need as it was written."""
        given = ", ".join(f"{name}={value!r}" for name, value in self if name in self.model_fields_set)
        return f"GpuNeed({given})"

    def nearest_types(self) -> str:
        """Say what comes close: types with as many GPUs, those with the most memory first."""
        alike = [fact for fact in instance_types().values() if fact.gpus == self.gpus and fact.usage]
        best = sorted(alike, key=lambda fact: -fact.memory_gib_per_gpu)[:3]
        said = (
            f"'{fact.name}' ({fact.memory_gib_per_gpu:.0f} GiB a GPU, {fact.vcpus} vCPUs, {fact.memory_gib:g} GiB)"
            for fact in best
        )
        return f"ask for less; {', '.join(said)} come near" if best else "ask for 1, 2, 4 or 8 GPUs"

    def _fits(self, fact: InstanceType) -> bool:
        return all(
            (
                fact.gpus == self.gpus,
                fact.memory_gib_per_gpu >= self.gpu_memory_gib,
                fact.memory_gib >= self.memory_gib,
                self.vcpus in (None, fact.vcpus),
                fact.architecture == self.architecture,
                not self.accelerators or fact.accelerator in self.accelerators,
                fact.network_gbps >= self.network_gbps,
                fact.nvme_gb >= self.nvme_gb,
                fact.efa >= self.efa,
            )
        )


def types_like(model: InstanceType, usage: str) -> tuple[str, ...]:
    """Return the types that could stand in for `model`: of its size, with as much GPU memory, sold as `usage`."""
    return tuple(_like(model, usage))


def _like(model: InstanceType, usage: str) -> Iterator[str]:
    for fact in instance_types().values():
        if fact.size == model.size and usage in fact.usage and fact.gpu_memory_gib >= model.gpu_memory_gib:
            yield fact.name
