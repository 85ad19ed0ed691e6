"""The training loop as one would write it for one model on one machine: what ours must equal, and not be slower than.

`python -m tests.ml.plain_loop DATA` times both, side by side, on the real model.
"""

import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import nn

from ml.contract import Place
from ml.data import datasets
from ml.models import catalogue
from ml.training.batches import Batches
from ml.training.checkpoints import Checkpoints, Position
from ml.training.loop import Run, learning_rate
from ml.training.recipe import Recipe
from ml.training.stop import StopRequest
from ml.training.task import Task
from ml.training.world import World, join


def plain(task: Task, recipe: Recipe) -> list[float]:
    """Train with no tracking, checkpoints or judging; return each step's loss."""
    optimizer = torch.optim.AdamW(task.module.parameters(), weight_decay=recipe.weight_decay, fused=True)
    batches = Batches(task.lengths, recipe.batch_size, recipe.seed)
    steps, losses = batches.per_epoch * recipe.epochs, []
    task.module.train()
    for step in range(steps):
        torch.manual_seed(recipe.seed * steps + step)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(recipe, step, steps)
        loss = task.loss(task.module, batches[step])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(task.module.parameters(), recipe.largest_gradient)
        optimizer.step()
        losses.append(float(loss.detach()))
    return losses


def ours(task: Task, recipe: Recipe, world: World, folder: Path) -> list[float]:
    """Train the same with the loop of `ml`; return the losses that it reports."""
    checkpoints = Checkpoints(folder, "plain", world)
    run = Run(task, recipe, world, checkpoints=checkpoints, stop=StopRequest(), report=lambda _point: None)
    outcome = run.finish()
    return [point["loss"] for point in outcome.curve if "loss" in point]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Processor seconds per step of both loops: those do not grow when a neighbour takes the processors."""

    ours: float
    plain: float
    checkpoint: float

    @property
    def speed(self) -> float:
        """Our steps per second over the plain loop's, a checkpoint's share of each step included."""
        return self.plain / (self.ours + self.checkpoint)


def compare(data: Path, rounds: int = 12, steps: int = 10) -> Comparison:
    """Time both loops on the real model, in turns, each going first as often as the other; medians over the rounds."""
    recipe = catalogue.recipe("review_sentiment", "laptop")
    train = datasets.read(data)[1]["train"]
    rows = {"train": train[: steps * recipe.batch_size], "test": train[:1]}
    seconds: dict[str, list[float]] = {"ours": [], "plain": [], "checkpoint": []}
    with join(Place()) as world, TemporaryDirectory() as folder:
        task = catalogue.part("review_sentiment", "task").build(recipe, rows, world)
        optimizer = torch.optim.AdamW(task.module.parameters())
        contenders = {
            "ours": lambda: ours(task, recipe, world, Path(folder)),
            "plain": lambda: plain(task, recipe),
            "checkpoint": lambda: _save(Checkpoints(Path(folder) / "timed", "timed", world), task, optimizer),
        }
        per_step = {"ours": steps, "plain": steps, "checkpoint": recipe.checkpoint_every}
        for number in range(rounds):
            for name in sorted(contenders, reverse=number % 2 == 1):
                began = time.process_time()
                contenders[name]()
                seconds[name].append((time.process_time() - began) / per_step[name])
    return Comparison(**{name: statistics.median(values) for name, values in seconds.items()})


def _save(checkpoints: Checkpoints, task: Task, optimizer: torch.optim.Optimizer) -> None:
    checkpoints.save(Position(step=1), task.module, optimizer)
    checkpoints.finish()


if __name__ == "__main__":
    measured = compare(Path(sys.argv[1]))
    print(f"{measured} speed={measured.speed:.3f}")
