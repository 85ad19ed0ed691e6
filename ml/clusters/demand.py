"""How many workers a cluster's work needs, as a share of those that it has. Knows no Ray and no AWS."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

# Auto Scaling counts an empty group as one machine, so that work in it must be told as more than the target of 100.
_FROM_NOTHING_PERCENT = 200


@dataclass(frozen=True)
class Worker:
    """A machine that runs tasks; `idle_seconds` is None while it runs some."""

    instance: str
    idle_seconds: float | None


@dataclass(frozen=True)
class Shape:
    """What one worker has, or what one waiting task asks for."""

    cpus: float
    gpus: float

    def holds(self, other: "Shape") -> bool:
        """Tell whether `other` fits into what is left here."""
        return self.cpus >= other.cpus and self.gpus >= other.gpus

    def less(self, other: "Shape") -> "Shape":
        """Return what is left when `other` is placed here."""
        return replace(self, cpus=self.cpus - other.cpus, gpus=self.gpus - other.gpus)


@dataclass(frozen=True)
class Plan:
    """What the group should hear: workers wanted in percent of those there are, and the machines to end."""

    percent: int
    idle: tuple[str, ...]


def plan(
    workers: Iterable[Worker], waiting: Iterable[Shape], *, shape: Shape, group_size: int, idle_seconds: float
) -> Plan:
    """Return the plan for a group that was told to have `group_size` machines, whether they have joined or not."""
    known = tuple(workers)
    wanted = sum(worker.idle_seconds is None for worker in known) + _machines_for(tuple(waiting), shape)
    idle = [worker for worker in known if worker.idle_seconds is not None and worker.idle_seconds >= idle_seconds]
    longest_first = sorted(idle, key=lambda worker: -(worker.idle_seconds or 0))
    return Plan(
        _percent(wanted, group_size), tuple(one.instance for one in longest_first[: max(group_size - wanted, 0)])
    )


def _percent(wanted: int, group_size: int) -> int:
    if group_size:
        return round(100 * wanted / group_size)
    return max(_FROM_NOTHING_PERCENT, 100 * wanted) if wanted else 100


def _machines_for(waiting: Sequence[Shape], shape: Shape) -> int:
    """Place tasks on empty workers, the largest first; what fits on no worker is left out, for none would help."""
    machines: list[Shape] = []
    for task in sorted(waiting, key=lambda one: (one.gpus, one.cpus), reverse=True):
        if not shape.holds(task):
            continue
        place = next((index for index, left in enumerate(machines) if left.holds(task)), None)
        if place is None:
            machines.append(shape.less(task))
        else:
            machines[place] = machines[place].less(task)
    return len(machines)
