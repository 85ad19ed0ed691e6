"""The words for what trains: pools of GPU machines, and SageMaker training jobs."""

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from infra.spec.base import Spec
from infra.spec.errors import Problem, nearest
from infra.spec.instance_types import InstanceType, instance_types


class GpuPoolSpec(Spec):
    """A Batch queue that takes spot machines first and on-demand ones when there are none.

    Batch counts vCPUs. All types of a pool have the same number of them, so that a count of nodes means what it says.
    """

    title: ClassVar[str] = "gpu pool"

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,15}$", description="up to 16 of a-z, 0-9 and '-', a letter first")
    instance_types: tuple[str, ...] = Field(min_length=1, description="EC2 types, the wanted one first: ('g5.xlarge',)")
    min_nodes: int = Field(default=0, ge=0, description="0 (costs nothing when idle) or more")
    max_nodes: int = Field(ge=1, description="1 or more spot machines")
    max_on_demand_nodes: int = Field(default=1, ge=1, description="1 or more, which stand in when there is no spot")
    volume_gb: int = Field(default=200, ge=30, description="30 or more: the machine image alone takes 30")

    @property
    def vcpus_per_node(self) -> int:
        """How many vCPUs a node of this pool has, whatever its type."""
        return instance_types()[self.instance_types[0]].vcpus

    def broken_rules(self) -> Iterator[Problem]:
        """Sizes in order; types known, with GPUs, and alike."""
        if self.min_nodes > self.max_nodes:
            rule = f"is above max_nodes={self.max_nodes}"
            yield self.problem("min_nodes", rule, "raise max_nodes or lower min_nodes")
        table = instance_types()
        for name in self.instance_types:
            if name not in table:
                yield self._about(name, "is no known EC2 type", nearest(name, table, otherwise=_ADD_TYPE))
            elif table[name].gpus == 0:
                yield self._about(name, "has no NVIDIA GPU", "choose a g or p type")
        known = [table[name] for name in self.instance_types if name in table]
        yield from self._unlike(known)

    def _unlike(self, known: list[InstanceType]) -> Iterator[Problem]:
        for fact in known[1:]:
            if (fact.vcpus, fact.architecture) != (known[0].vcpus, known[0].architecture):
                rule = (
                    f"has {fact.vcpus} {fact.architecture} vCPUs where '{known[0].name}' "
                    f"has {known[0].vcpus} {known[0].architecture}"
                )
                yield self._about(fact.name, rule, "keep types of one size in a pool and write a second pool")

    def _about(self, instance_type: str, rule: str, fix: str) -> Problem:
        return Problem(f"{self.title} {self.name!r}", f"instance type {instance_type!r}", rule, fix)


class TrainingSpec(Spec):
    """What a SageMaker training job gets when its recipe asks for nothing else."""

    title: ClassVar[str] = "training"

    instance_type: str = Field(default="ml.m5.large", description="'ml.' and an EC2 type")
    volume_gb: int = Field(default=30, ge=1, description="1 or more")
    max_runtime_seconds: int = Field(default=4 * 3600, ge=60, le=28 * 86400, description="60 seconds to 28 days")
    spot: bool = Field(default=True, description="True (cheaper; jobs resume from their checkpoint) or False")

    def broken_rules(self) -> Iterator[Problem]:
        """The type is known under its EC2 name."""
        known = {f"ml.{name}" for name in instance_types()}
        if self.instance_type not in known:
            fix = nearest(self.instance_type, known, otherwise=_ADD_TYPE)
            yield self.problem("instance_type", "is no known SageMaker type", fix)


_ADD_TYPE = "see infra/spec/instance_types.csv, and add a line for a new type"
