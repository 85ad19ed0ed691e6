"""`python -m ci.bench.checkpoint_saves`: how long saves keep a training waiting, ours and torch.save, as JSON.

Both save the same state in turns, 150 MB of weights and moments; the fastest round of each counts.
"""

import json
import os
import signal
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim import AdamW

from ml.contract import Place
from ml.errors import StoppedError
from ml.training.checkpoints import Checkpoints, Position
from ml.training.loop import Point, Run
from ml.training.recipe import Recipe
from ml.training.stop import listening
from ml.training.world import World, join

LAYERS, WIDTH = 12, 1024
ROUNDS = 5
STRUCK_AT = 3
RECIPE = Recipe(epochs=1, batch_size=1, learning_rate=1e-3, log_every=1, checkpoint_every=1000)


class Wide:
    """A task whose steps are short and whose state is large."""

    def __init__(self) -> None:
        self.module: nn.Module = nn.Sequential(*(nn.Linear(WIDTH, WIDTH) for _ in range(LAYERS)))
        self.lengths: Sequence[int] = [1] * 20
        self._row = torch.ones(1, WIDTH)

    def loss(self, module: nn.Module, batch: Sequence[int]) -> Tensor:
        """Any number that depends on all weights."""
        loss: Tensor = module(self._row * len(batch)).square().mean()
        return loss

    def right_answers(self) -> tuple[int, int]:
        """Nothing is judged."""
        return 0, 1

    def save(self, folder: Path, weights: Mapping[str, Tensor]) -> None:
        """Nothing is kept."""


@dataclass(frozen=True, kw_only=True)
class Saves:
    """Seconds: in which a save lets no step be done, and from SIGTERM until a checkpoint is on the disk."""

    stall: float
    sigterm: float


def ours(world: World, folder: Path) -> Saves:
    """Save while training goes on; then strike a run in the middle of its steps, and wait until it has stopped."""
    task = Wide()
    optimizer = _moved(task.module)
    checkpoints = Checkpoints(folder / "stall", "this", world)
    # The first save of a run takes the memory that all others use.
    checkpoints.save(Position(step=1), task.module, optimizer)
    checkpoints.finish()
    stall = _timed(lambda: checkpoints.save(Position(step=2), task.module, optimizer))
    checkpoints.finish()
    struck = 0.0

    def strike(point: Point) -> None:
        nonlocal struck
        if point["step"] == STRUCK_AT:
            struck = time.perf_counter()
            os.kill(os.getpid(), signal.SIGTERM)

    with listening() as stop, stop.deferred():
        stopping = Checkpoints(folder / "sigterm", "this", world)
        try:
            Run(task, RECIPE, world, checkpoints=stopping, stop=stop, report=strike).finish()
        except StoppedError:
            return Saves(stall=stall, sigterm=time.perf_counter() - struck)
    raise RuntimeError("the run did not stop")


def plain(folder: Path) -> Saves:
    """Save with torch.save, and again with what it takes to be on the disk for sure."""
    module = Wide().module
    optimizer = _moved(module)
    state = {"module": module.state_dict(), "optimizer": optimizer.state_dict()}
    stall = _timed(lambda: torch.save(state, folder / "stall.pt"))
    return Saves(stall=stall, sigterm=_timed(lambda: _to_disk(state, folder / "durable.pt")))


def _moved(module: nn.Module) -> AdamW:
    """Return an optimizer that has moments."""
    optimizer = AdamW(module.parameters(), fused=True)
    module(torch.ones(1, WIDTH)).sum().backward()
    optimizer.step()
    return optimizer


def _to_disk(state: object, path: Path) -> None:
    draft = path.with_suffix(".tmp")
    with draft.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> None:
    """Measure in turns and print the fastest of each."""
    rounds = []
    with join(Place()) as world:
        for _ in range(ROUNDS):
            with tempfile.TemporaryDirectory() as scratch:
                rounds.append((ours(world, Path(scratch)), plain(Path(scratch))))
    mine, bare = zip(*rounds, strict=True)
    figures = {
        name: {
            "ours": min(getattr(saves, name) for saves in mine),
            "plain": min(getattr(saves, name) for saves in bare),
        }
        for name in ("stall", "sigterm")
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
