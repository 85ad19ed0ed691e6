"""The processes of one run: one alone, or many under torchrun; the loop need not know."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, distributed

from ml.contract import Place


def has_fast_bfloat16(device: torch.device) -> bool:
    """Say whether the device multiplies quicker in bfloat16 than in float32."""
    return device.type == "cuda" or torch.cpu.get_capabilities().get("avx512_bf16", False)


def fast_arithmetic(device: torch.device) -> torch.autocast:
    """Return a context that multiplies in bfloat16 where the device does that quicker than in float32."""
    return torch.autocast(device.type, torch.bfloat16, enabled=has_fast_bfloat16(device))


@dataclass(frozen=True, kw_only=True)
class World:
    """This process, its device, and what it can ask all others.

    `control` and `saving` are groups over gloo beside the one that gradients travel in: a question must not wait for a
    GPU, and a save goes on in a thread while the loop asks its own questions.
    """

    rank: int
    size: int
    device: torch.device
    machine: int = 0
    machines: int = 1
    leads_machine: bool = True
    control: Any
    saving: Any

    @property
    def is_first(self) -> bool:
        """Say whether this process writes the files and the progress lines."""
        return self.rank == 0

    def fast_arithmetic(self) -> torch.autocast:
        """Return a context that multiplies in bfloat16 where the machine does that quicker than in float32."""
        return fast_arithmetic(self.device)

    def say(self, line: str) -> None:
        """Print a line of the run's log, once however many processes there are."""
        if self.is_first:
            print(line, flush=True)

    def mine(self, rows: Sequence[Any]) -> Sequence[Any]:
        """Return this process's share of rows: every `size`-th."""
        return rows[self.rank :: self.size]

    def everybody(self, mine: Any) -> list[Any]:
        """Return what each process hands in, in the order of the processes."""
        if self.size == 1:
            return [mine]
        handed: list[Any] = [None] * self.size
        distributed.all_gather_object(handed, mine, group=self.control)
        return handed

    def gathered(self, mine: Sequence[Any]) -> list[Any]:
        """Return all rows in order from what each process made of its share."""
        shares = self.everybody(mine)
        whole: list[Any] = [None] * sum(map(len, shares))
        for rank, share in enumerate(shares):
            whole[rank :: self.size] = share
        return whole

    def seed(self, number: int) -> None:
        """Seed what this process draws on its device; `torch.manual_seed` asks for all kinds of devices, every time."""
        torch.default_generator.manual_seed(number)
        if self.device.type == "cuda":
            torch.cuda.manual_seed(number)

    def total(self, values: Sequence[float]) -> list[float]:
        """Add up each value over all processes."""
        if self.size == 1:
            return list(values)
        tensor: Tensor = torch.tensor(values, dtype=torch.float64)
        distributed.all_reduce(tensor, group=self.control)
        return [float(value) for value in tensor]

    def meet(self) -> None:
        """Wait until every process is here."""
        if self.size > 1:
            distributed.barrier(self.control)


@contextmanager
def join(place: Place) -> Iterator[World]:
    """Join the run's other processes, over NCCL where there are GPUs and gloo elsewhere, and leave them in the end.

    A launcher such as Ray Train has joined them already, and is the one to leave them.
    """
    joined = distributed.is_initialized()
    on_gpu = torch.cuda.is_available()
    device = torch.device("cuda", place.local_rank) if on_gpu else torch.device("cpu")
    if on_gpu:
        torch.cuda.set_device(device)
    # One process alone is a group too: checkpoints are written the same way.
    backend = "nccl" if on_gpu else "gloo"
    if joined:
        pass
    elif place.size == 1:
        store = distributed.HashStore()  # type: ignore[attr-defined]
        distributed.init_process_group(backend, store=store, rank=0, world_size=1)
    else:
        distributed.init_process_group(backend)
    groups = {name: distributed.new_group(backend="gloo") for name in ("control", "saving")}
    try:
        yield World(
            rank=place.rank,
            size=place.size,
            device=device,
            machine=place.machine,
            machines=place.machines,
            leads_machine=place.local_rank == 0,
            **groups,
        )
    finally:
        # After a failure the others may be inside a collective that this process will never join: do not wait for them.
        if not joined and (place.size == 1 or sys.exception() is None):
            distributed.destroy_process_group()
