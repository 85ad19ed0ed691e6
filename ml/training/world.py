"""The processes of one run: one alone, or many under torchrun; the loop need not know."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from ml.contract import Place


@dataclass(frozen=True, kw_only=True)
class World:
    """This process, its device, and what it can ask all others."""

    rank: int
    size: int
    device: torch.device

    @property
    def is_first(self) -> bool:
        """Say whether this process writes the files and the progress lines."""
        return self.rank == 0

    def fast_arithmetic(self) -> torch.autocast:
        """Return a context that multiplies in bfloat16 where the machine does that quicker than in float32."""
        quick = self.device.type == "cuda" or torch.cpu.get_capabilities().get("avx512_bf16", False)
        return torch.autocast(self.device.type, torch.bfloat16, enabled=quick)

    def say(self, line: str) -> None:
        """Print a line of the run's log, once however many processes there are."""
        if self.is_first:
            print(line, flush=True)

    def share(self, count: int) -> range:
        """Return this process's share of `count` rows, as many as any other's, so that none waits for ever."""
        return range(self.rank, count - count % self.size, self.size)

    def wrap(self, module: nn.Module) -> nn.Module:
        """Return the module such that gradients are averaged over all processes."""
        return module if self.size == 1 else DistributedDataParallel(module)

    def total(self, values: Sequence[float]) -> list[float]:
        """Add up each value over all processes."""
        if self.size == 1:
            return list(values)
        tensor: Tensor = torch.tensor(values, dtype=torch.float64, device=self.device)
        distributed.all_reduce(tensor)
        return [float(value) for value in tensor]


@contextmanager
def join(place: Place) -> Iterator[World]:
    """Join the run's other processes, over NCCL where there are GPUs and gloo elsewhere, and leave them in the end."""
    on_gpu = torch.cuda.is_available()
    device = torch.device("cuda", place.local_rank) if on_gpu else torch.device("cpu")
    if on_gpu:
        torch.cuda.set_device(device)
    if place.size > 1:
        distributed.init_process_group("nccl" if on_gpu else "gloo")
    try:
        yield World(rank=place.rank, size=place.size, device=device)
    finally:
        # After a failure the others may be inside a collective that this process will never join: do not wait for them.
        if place.size > 1 and sys.exception() is None:
            distributed.destroy_process_group()
