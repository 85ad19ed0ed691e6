"""The word for machines that stay up for many jobs: a distributed engine on EC2 Auto Scaling."""

from collections.abc import Iterator
from math import ceil
from typing import ClassVar, Literal

from pydantic import Field

from infra.spec.base import Spec, sound
from infra.spec.errors import Problem, nearest
from infra.spec.instance_types import InstanceType, instance_types
from infra.spec.quotas import QuotaNeed, machines

# What the head tells Auto Scaling: the workers that its work needs, in percent of those that the group should have.
METRIC_NAMESPACE, METRIC_NAME = "Groundplan/Clusters", "WantedWorkersPercent"
# Where a machine waits after its start, and before its end, until it says that it is done.
LAUNCH_HOOK, DRAIN_HOOK = "set-up", "drain"

_ENOUGH_TYPES = 4
# Longer than a drain may take, so that the group does not end a machine that is about to say that it is done.
_HEARTBEAT_MARGIN_SECONDS = 60
_JOIN_SECONDS = 600


class ClusterScheduleSpec(Spec):
    """Other bounds for the number of workers from a moment on, until another schedule comes."""

    title: ClassVar[str] = "cluster schedule"

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,23}$", description="up to 24 of a-z, 0-9 and '-', a letter first")
    at: str = Field(
        pattern=r"^[0-9*,/-]+( [0-9*,/-]+){2}( [0-9A-Z*,/-]+){2}$",
        description="cron in five fields, as EC2 Auto Scaling takes it: '0 7 * * MON-FRI'",
    )
    timezone: str = Field(default="UTC", pattern=r"^[A-Za-z_]+(/[A-Za-z_+-]+)*$", description="such as 'Europe/Berlin'")
    min_workers: int = Field(ge=0, description="0 or more")
    max_workers: int = Field(ge=1, description="1 or more, min_workers or more")

    def broken_rules(self) -> Iterator[Problem]:
        """Bounds in order."""
        if self.min_workers > self.max_workers:
            rule = f"is above max_workers={self.max_workers}"
            yield self.problem("min_workers", rule, "raise max_workers or lower min_workers")


class ClusterSpec(Spec):
    """A Ray cluster: one head on demand, replaced when it is lost, and workers, on spot as far as it is not told else.

    All worker types are alike in vCPUs, GPUs and architecture, so that a count of workers means what it says.
    """

    title: ClassVar[str] = "cluster"

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,11}$", description="up to 12 of a-z, 0-9 and '-', a letter first")
    engine: Literal["ray"] = Field(default="ray", description="'ray'")
    ray_version: str = Field(
        default="2.60.0", pattern=r"^\d+\.\d+\.\d+$", description="the Ray of the image that CI pushed: '2.60.0'"
    )
    head_type: str = Field(default="m7i.large", description="an EC2 type without GPUs: the head runs no tasks")
    worker_types: tuple[str, ...] = Field(
        min_length=1, description="4 or more EC2 types that are alike: spot has each of them only at times"
    )
    min_workers: int = Field(default=0, ge=0, description="0 (costs nothing when idle) or more")
    max_workers: int = Field(ge=1, description="1 or more machines")
    schedules: tuple[ClusterScheduleSpec, ...] = Field(
        default=(), description="ClusterScheduleSpec(…): other bounds by day than by night"
    )
    on_demand_workers: int = Field(default=0, ge=0, description="the first so many workers are on demand: 0 or more")
    on_demand_percent: int = Field(
        default=0, ge=0, le=100, description="0 to 100: the share on demand of the workers above on_demand_workers"
    )
    capacity_reservation: str | None = Field(
        default=None,
        pattern=r"^cr-[0-9a-f]{8,17}$",
        description="the id of a capacity reservation: 'cr-0123456789abcdef0'",
    )
    idle_minutes: int = Field(
        default=10, ge=1, le=1440, description="1 to 1440 minutes without work after which a worker ends"
    )
    termination_grace_seconds: int = Field(
        default=90, ge=10, le=7000, description="10 to 7000 seconds for tasks to end; spot leaves 120 at most"
    )
    max_wait_minutes: int = Field(
        default=30, ge=5, le=1440, multiple_of=5, description="5 to 1440 minutes that work may wait for workers"
    )
    head_volume_gb: int = Field(default=100, ge=30, description="30 or more: the machine image alone takes 30")
    worker_volume_gb: int = Field(default=200, ge=30, description="30 or more: the machine image alone takes 30")

    @property
    def worker(self) -> InstanceType:
        """What every worker has at least, whatever its type."""
        return instance_types()[self.worker_types[0]]

    @property
    def architecture(self) -> str:
        """Of the head and of every worker: they run one image."""
        return self.worker.architecture

    @property
    def most_workers(self) -> int:
        """The most that it may have at any time of day."""
        return max(self.max_workers, *(schedule.max_workers for schedule in self.schedules), 0)

    @property
    def join_seconds(self) -> int:
        """How long a machine that starts may take, from its image's first second, until Ray has it."""
        return _JOIN_SECONDS

    @property
    def launch_heartbeat_seconds(self) -> int:
        """How long the group waits for a machine that starts."""
        return 2 * _JOIN_SECONDS

    @property
    def drain_heartbeat_seconds(self) -> int:
        """How long the group waits for a machine that drains."""
        return self.termination_grace_seconds + _HEARTBEAT_MARGIN_SECONDS

    @property
    def quota_needs(self) -> tuple[QuotaNeed, ...]:
        """The head on demand, and the workers of each market at the most that the group may have of them."""
        above = self.most_workers - self.on_demand_workers
        on_demand = self.on_demand_workers + ceil(above * self.on_demand_percent / 100)
        return (
            *machines((self.head_type,), "on-demand", most=1, least=1),
            *machines(self.worker_types, "on-demand", most=on_demand, least=min(on_demand, self.min_workers)),
            *machines(self.worker_types, "spot", most=self.most_workers - on_demand),
        )

    def broken_rules(self) -> Iterator[Problem]:
        """Sizes in order; types known, alike and many; a reservation holds one type, on demand."""
        yield from sound(self._sizes())
        yield from sound(self._schedules())
        yield from sound(self._types())
        yield from sound(self._reserved() if self.capacity_reservation else self._too_few_types())

    def _sizes(self) -> Iterator[Problem]:
        for field in ("min_workers", "on_demand_workers"):
            if getattr(self, field) > self.max_workers:
                yield self.problem(
                    field, f"is above max_workers={self.max_workers}", f"raise max_workers or lower {field}"
                )

    def _schedules(self) -> Iterator[Problem]:
        names = [schedule.name for schedule in self.schedules]
        for name in sorted({name for name in names if names.count(name) > 1}):
            rule = f"is there {names.count(name)} times"
            yield Problem(f"{self.title} {self.name!r}", f"schedules: {name!r}", rule, "give each a name of its own")

    def _types(self) -> Iterator[Problem]:
        unknown = [name for name in (self.head_type, *self.worker_types) if name not in instance_types()]
        for name in unknown:
            yield self._about(name, "is no known EC2 type", nearest(name, instance_types(), otherwise=_ADD_TYPE))
        if not unknown:
            yield from self._unlike()

    def _unlike(self) -> Iterator[Problem]:
        head, first = instance_types()[self.head_type], self.worker
        if head.gpus:
            yield self.problem("head_type", f"has {head.gpus} GPUs that no task would use", "choose an m or r type")
        if head.architecture != first.architecture:
            rule = f"is {head.architecture} where '{first.name}' is {first.architecture}"
            yield self.problem("head_type", rule, "one image runs on both: choose types of one architecture")
        for name in self.worker_types[1:]:
            if (fact := instance_types()[name]) and _shape(fact) != _shape(first):
                rule = f"has {_size(fact)} where '{first.name}' has {_size(first)}"
                yield self._about(name, rule, "keep types of one size in a cluster and write a second cluster")

    def _reserved(self) -> Iterator[Problem]:
        if len(set(self.worker_types)) > 1:
            rule = f"are {len(set(self.worker_types))} types where a capacity reservation holds one"
            yield self.problem("worker_types", rule, "name the type that is reserved")
        if self.on_demand_percent < 100:
            rule = "leaves workers to spot, which no capacity reservation holds"
            yield self.problem("on_demand_percent", rule, "set on_demand_percent=100")

    def _too_few_types(self) -> Iterator[Problem]:
        different = set(self.worker_types)
        if len(different) < _ENOUGH_TYPES and self.worker_types[0] in instance_types():
            rule = f"are {len(different)} types where spot wants {_ENOUGH_TYPES} to choose from"
            alike = [name for name, fact in instance_types().items() if _could_stand_in(fact, self.worker)]
            more = ", ".join(name for name in alike if name not in different)
            fix = f"add some of {more}" if more else "choose a size that more types have"
            yield self.problem("worker_types", rule, f"{fix}, or name a capacity_reservation")

    def _about(self, instance_type: str, rule: str, fix: str) -> Problem:
        return Problem(f"{self.title} {self.name!r}", f"instance type {instance_type!r}", rule, fix)


def _shape(fact: InstanceType) -> tuple[int, int, str]:
    return fact.vcpus, fact.gpus, fact.architecture


def _could_stand_in(fact: InstanceType, for_: InstanceType) -> bool:
    return _shape(fact) == _shape(for_) and 2 * fact.gpu_memory_gib >= for_.gpu_memory_gib


def _size(fact: InstanceType) -> str:
    return f"{fact.vcpus} {fact.architecture} vCPUs and {fact.gpus} GPUs"


_ADD_TYPE = "see infra/spec/instance_types.csv, and add a line for a new type"
