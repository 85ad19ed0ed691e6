"""The machines that a training would run on: what a pool, a cloud's training jobs or an EC2 type give it."""

from collections.abc import Mapping
from dataclasses import dataclass

from ci.errors import CommandError
from infra.prices import Price
from infra.spec import Environment
from infra.spec.accelerators import ACCELERATORS, Accelerator
from infra.spec.errors import nearest
from infra.spec.instance_types import InstanceType, instance_types

SAGEMAKER = "ml."
# One with AVX-512 at 2.5 GHz: two vCPUs are one core.
VCPU_TERAFLOPS = 0.08
# What is there but not for tensors: CUDA and NCCL, holes that the allocator leaves. On a processor the C library's
# allocator leaves more: a peak of 1.15 to 1.45 times the sum was seen.
GPU_RESERVED_GIB, GPU_RESERVED_SHARE = 1.5, 0.1
CPU_RESERVED_GIB, CPU_RESERVED_SHARE = 1.0, 0.3


@dataclass(frozen=True, kw_only=True)
class Machines:
    """So many machines of one type, as they are paid for; one process for each GPU, or for a machine without."""

    product: str
    fact: InstanceType
    count: int
    spot: bool

    @property
    def processes(self) -> int:
        """All of them."""
        return self.count * max(1, self.fact.gpus)

    @property
    def accelerator(self) -> Accelerator:
        """What a process computes with."""
        if self.fact.gpus:
            return ACCELERATORS[self.fact.accelerator]
        teraflops = self.fact.vcpus * VCPU_TERAFLOPS
        return Accelerator(teraflops=teraflops, link_gb_per_second=0.0, bfloat16=False)

    @property
    def memory_gib(self) -> float:
        """What a process may fill with tensors."""
        if self.fact.gpus:
            return self.fact.memory_gib_per_gpu * (1 - GPU_RESERVED_SHARE) - GPU_RESERVED_GIB
        return self.fact.memory_gib * (1 - CPU_RESERVED_SHARE) - CPU_RESERVED_GIB

    @property
    def gb_per_second(self) -> float:
        """The narrowest way that a ring over all processes takes; 0 where there is one process."""
        ways = [self.accelerator.link_gb_per_second] if self.fact.gpus > 1 else []
        ways += [self.fact.network_gbps / 8] if self.count > 1 else []
        return min(ways, default=0.0)

    def hourly_usd(self, prices: Mapping[str, Price]) -> float | None:
        """Return what all of them cost in an hour on demand, if that is known, by a region's prices of products."""
        price = prices.get(self.product)
        return price.usd * self.count if price else None

    def told(self) -> str:
        """Say it in words."""
        gpus = f"{self.fact.gpus} × {self.fact.accelerator}" if self.fact.gpus else "no GPU"
        return f"{self.count} × {self.product} ({gpus})"


def chosen(environment: Environment, machine: str | None) -> Machines:
    """Return what `NAME` or `NAME:COUNT` means: a pool, an EC2 or SageMaker type; None is what training jobs get."""
    region = environment.regions[0]
    if machine is None:
        return _of_type(region.training.instance_type, 1, spot=region.training.spot)
    name, _, text = machine.partition(":")
    if text and not (text.isascii() and text.isdigit() and int(text)):
        raise CommandError(thing="--machine", value=repr(machine), rule="has no count after ':'", fix=f"say {name}:2")
    pools = {pool.name: pool for pool in region.gpu_pools}
    if pool := pools.get(name):
        return _of_type(pool.types[0], int(text or pool.nodes), spot=pool.purchase == "spot")
    return _of_type(name, int(text or 1), spot=False, others=tuple(pools))


def planned_types() -> list[InstanceType]:
    """Return the types with GPUs that can be planned with."""
    return [fact for fact in instance_types().values() if fact.gpus and fact.accelerator in ACCELERATORS]


def _of_type(product: str, count: int, *, spot: bool, others: tuple[str, ...] = ()) -> Machines:
    known = instance_types()
    fact = known.get(product.removeprefix(SAGEMAKER))
    if fact is None:
        fix = nearest(product, [*known, *others], otherwise="see infra/spec/instance_types.csv")
        raise CommandError(thing="--machine", value=repr(product), rule="is no pool and no known type", fix=fix)
    if fact.accelerator and fact.accelerator not in ACCELERATORS:
        fix = f"add a line to infra/spec/accelerators.py, or choose one with {', '.join(ACCELERATORS)}"
        rule = f"has {fact.accelerator}, of which nothing is known"
        raise CommandError(thing="--machine", value=repr(product), rule=rule, fix=fix)
    return Machines(product=product, fact=fact, count=count, spot=spot)
