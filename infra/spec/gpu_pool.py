"""The words for pools of GPU machines: what a pool holds, how it is bought, and how its jobs run."""

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, Literal

from pydantic import Field

from infra.spec.base import Spec
from infra.spec.errors import Problem, nearest
from infra.spec.gpu_need import ADD_TYPE, GpuNeed, types_like
from infra.spec.instance_types import InstanceType, instance_types
from infra.spec.quotas import QuotaNeed, machines

LogDays = Literal[
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653
]
USAGE = {"spot": "s", "on-demand": "o", "capacity-block": "c"}


class FairShareSpec(Spec):
    """One of those who share a pool's queue: a job names its share, and a share that has used less comes first."""

    title: ClassVar[str] = "fair share"

    name: str = Field(pattern=r"^[A-Za-z0-9]{1,254}$", description="letters and digits: 'research'")
    weight: float = Field(default=1.0, gt=0, le=999.9999, description="a share's part, 1.0 for an even one")


class GpuPoolSpec(Spec):
    """A Batch queue over GPU machines. A job takes whole machines: one, or `nodes` of them side by side.

    All types of a pool have the same numbers of vCPUs and GPUs, so that a count of nodes means what it says.
    """

    title: ClassVar[str] = "gpu pool"

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,15}$", description="up to 16 of a-z, 0-9 and '-', a letter first")
    instance_types: tuple[str, ...] = Field(
        default=(), description="EC2 types, the wanted one first: ('g5.xlarge', …), or () and a need=GpuNeed(…)"
    )
    need: GpuNeed | None = Field(default=None, description="GpuNeed(…): what a machine must have, or None")
    least_types: int = Field(default=4, ge=1, le=20, description="1 to 20 types that spot machines are chosen from")
    purchase: Literal["spot", "on-demand", "capacity-block"] = Field(
        default="spot", description="'spot', 'on-demand' or 'capacity-block'"
    )
    capacity_reservation: str | None = Field(
        default=None,
        pattern=r"^(cr-[0-9a-f]{8,17}|arn:aws[a-z-]*:resource-groups:.+:group/.+)$",
        description="'cr-…', the ARN of a resource group of reservations, or None",
    )
    min_nodes: int = Field(default=0, ge=0, description="0 (costs nothing when idle) or more")
    max_nodes: int = Field(ge=1, description="1 or more machines")
    max_on_demand_nodes: int = Field(
        default=1, ge=0, description="0 or more, which stand in for spot machines that are taken away too often"
    )
    reclaims_before_on_demand: int = Field(
        default=2, ge=1, le=10, description="1 to 10 reclaims of a job, after which it goes on on demand"
    )
    capacity_wait_seconds: int | None = Field(
        default=1800, ge=600, le=86400, description="600 to 86400 that a job waits for a machine, or None for ever"
    )
    max_wait_minutes: int = Field(
        default=120, ge=5, le=10_080, description="5 to 10080 minutes that the first job may wait for a machine"
    )
    volume_gb: int = Field(default=200, ge=30, description="30 or more: the machine image alone takes 30")
    image_id: str | None = Field(
        default=None, pattern=r"^ami-[0-9a-f]{8,17}$", description="'ami-…', or None for the one that Batch chooses"
    )
    nodes: int = Field(default=1, ge=1, le=1000, description="1, or the machines that each job takes together")
    efa: bool = Field(default=True, description="True (nodes talk over EFA where their type has it) or False")
    zone: int = Field(
        default=0, ge=0, description="the zone, 0 the first, in which the nodes of one job stand together"
    )
    attempts: int = Field(default=5, ge=1, le=10, description="1 to 10 starts of a job whose machine is taken away")
    timeout_seconds: int = Field(default=86400, ge=60, le=28 * 86400, description="60 seconds to 28 days")
    shared_memory_gb: int = Field(default=8, ge=1, description="1 or more, which data loaders and NCCL share")
    fair_shares: tuple[FairShareSpec, ...] = Field(
        default=(), description="FairShareSpec(…) of each, or () for a queue"
    )
    fair_share_seconds: int = Field(
        default=86400, ge=600, le=604800, description="600 to 604800 that use is remembered"
    )
    log_days: LogDays = Field(default=365, description="days that CloudWatch takes: 7, 30, 90, 365, …")

    @property
    def types(self) -> tuple[str, ...]:
        """The EC2 types of this pool, named or found."""
        return self.instance_types or (self.need.types(self.usage, self.least_types) if self.need else ())

    @property
    def usage(self) -> str:
        """The letter of `purchase` in the table of types."""
        return USAGE[self.purchase]

    @property
    def facts(self) -> tuple[InstanceType, ...]:
        """What is known of the pool's types."""
        return tuple(instance_types()[name] for name in self.types)

    @property
    def vcpus_per_node(self) -> int:
        """How many vCPUs a node of this pool has, whatever its type."""
        return self.facts[0].vcpus

    @property
    def efa_interfaces(self) -> int:
        """How many EFA interfaces a node has: none where a job is one node, or where the type has none."""
        return self.facts[0].efa if self.efa and self.nodes > 1 else 0

    @property
    def quota_needs(self) -> tuple[QuotaNeed, ...]:
        """Its machines, and those that stand in on demand; a block or reservation that was bought is no quota's."""
        if self.purchase == "capacity-block":
            return ()
        own = machines(self.types, self.purchase, most=self.max_nodes, least=self.min_nodes, together=self.nodes)
        return own + machines(self.types, "on-demand", most=self.max_on_demand_nodes if self.has_fallback else 0)

    @property
    def memory_mib_per_node(self) -> int:
        """What a job may use of a node's memory, whatever its type: the system and Batch's agent keep a tenth."""
        return int(min(fact.memory_gib for fact in self.facts) * 1024 * 0.9)

    @property
    def terms(self) -> dict[str, Any]:
        """What a launcher must know of the pool, as its contract has it."""
        return {
            "reclaims_before_on_demand": self.reclaims_before_on_demand,
            "capacity_wait_seconds": self.capacity_wait_seconds,
            "instance_types": self.types,
            "nodes": self.nodes,
            "gpus_per_node": self.facts[0].gpus,
            "attempts": self.attempts,
            "timeout_seconds": self.timeout_seconds,
            "fair_shares": tuple(share.name for share in self.fair_shares),
        }

    @property
    def has_fallback(self) -> bool:
        """Whether jobs may go on on demand when spot machines are taken away."""
        return self.purchase == "spot" and self.max_on_demand_nodes > 0

    def queues(self, name: str) -> tuple[str, ...]:
        """Return the names of its queues, where its own is called `name`: that one, then the one on demand."""
        return (name, f"{name}-on-demand") if self.has_fallback else (name,)

    def broken_rules(self) -> Iterator[Problem]:
        """Sizes in order; types known, alike, sold as wanted, and enough of them; what AWS combines and what not."""
        if self.min_nodes > self.max_nodes:
            yield self.problem(
                "min_nodes", f"is above max_nodes={self.max_nodes}", "raise max_nodes or lower min_nodes"
            )
        yield from self._nodes_together()
        if bool(self.instance_types) == bool(self.need):
            rule = "is beside a need" if self.need else "is empty, and there is no need"
            yield self.problem("instance_types", rule, "name types, or write need=GpuNeed(gpus=1) without types")
            return
        unsound = list(self._unsound_types())
        yield from unsound
        if not unsound:
            yield from self._alike()
            yield from self._fits()

    def _nodes_together(self) -> Iterator[Problem]:
        if self.nodes > self.max_nodes:
            yield self.problem("nodes", f"is above max_nodes={self.max_nodes}", "raise max_nodes or lower nodes")
        if self.nodes > 1 and self.purchase == "spot":
            rule = "makes multi-node jobs, which Batch does not run on spot machines"
            yield self.problem("nodes", rule, "set purchase='on-demand', or nodes=1")
        if self.purchase == "capacity-block" and not self.capacity_reservation:
            yield self.problem("purchase", "needs the block that was bought", "set capacity_reservation='cr-…'")
        if self.purchase == "spot" and self.capacity_reservation:
            rule = "reserves on-demand machines, which a spot pool has not"
            yield self.problem("capacity_reservation", rule, "set purchase='on-demand' or 'capacity-block'")

    def _unsound_types(self) -> Iterator[Problem]:
        table = instance_types()
        for name in self.instance_types:
            if name not in table:
                yield self._about(name, "is no known EC2 type", nearest(name, table, otherwise=ADD_TYPE))
            elif table[name].gpus == 0:
                yield self._about(name, "has no NVIDIA GPU", "choose a g or p type")
            elif self.usage not in table[name].usage:
                like = types_like(table[name], self.usage)
                yield self._about(name, f"is not sold as {self.purchase}", f"choose of {_listed(like)}")
        if self.need and not self.types:
            rule = f"fits no type that is sold as {self.purchase}"
            yield Problem(f"{self.title} {self.name!r}", f"need={self.need.told()}", rule, self.need.nearest_types())

    def _alike(self) -> Iterator[Problem]:
        first = self.facts[0]
        for fact in self.facts[1:]:
            if fact.size != first.size:
                rule = f"has {_size(fact)} where '{first.name}' has {_size(first)}"
                yield self._about(fact.name, rule, "keep types of one size in a pool and write a second pool")
            elif self.nodes > 1 and self.efa and fact.efa != first.efa:
                rule = f"has {fact.efa} EFA interfaces where '{first.name}' has {first.efa}"
                yield self._about(fact.name, rule, "keep types with as many in a pool, or set efa=False")
        like = types_like(first, self.usage)
        wanted = min(self.least_types, len({*like, *self.types}))
        if self.purchase == "spot" and len(set(self.types)) < wanted:
            others = _listed(name for name in like if name not in self.types)
            rule = f"are {len(set(self.types))} types of spot machine, which one shortage takes all away"
            fix = f"name {wanted} or more; {others} would fit; or lower least_types"
            yield Problem(f"{self.title} {self.name!r}", f"instance_types={self.types!r}", rule, fix)

    def _fits(self) -> Iterator[Problem]:
        least = min(fact.memory_gib for fact in self.facts)
        if self.shared_memory_gb > least / 2:
            yield self.problem("shared_memory_gb", f"is more than half of a node's {least:g} GiB", "lower it")
        if self.facts[0].architecture == "arm64" and not self.image_id:
            rule = "are arm64, for which Batch has no GPU image"
            yield Problem(f"{self.title} {self.name!r}", f"types {self.types!r}", rule, "set image_id='ami-…'")

    def _about(self, instance_type: str, rule: str, fix: str) -> Problem:
        return Problem(f"{self.title} {self.name!r}", f"instance type {instance_type!r}", rule, fix)


def _size(fact: InstanceType) -> str:
    return f"{fact.vcpus} {fact.architecture} vCPUs and {fact.gpus} GPUs"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names)) or "none"
