"""The training loop as one would write it for one model on one machine: what ours must equal, and not be slower than.

`python -m tests.ml.plain_loop DATA` times both, side by side, on the real model.
"""

import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import nn

from ml.contract import Place
from ml.data import datasets
from ml.models import catalogue
from ml.training.batches import Batches
from ml.training.checkpoints import Checkpoints
from ml.training.loop import Run, learning_rate
from ml.training.recipe import Recipe
from ml.training.stop import StopRequest
from ml.training.task import Task
from ml.training.world import World, join


def plain(task: Task, recipe: Recipe) -> tuple[list[float], float]:
    """Train with no tracking, checkpoints or judging; return each step's loss and seconds per step."""
    optimizer = torch.optim.AdamW(task.module.parameters(), weight_decay=recipe.weight_decay, fused=True)
    batches = Batches(task.lengths, recipe.batch_size, recipe.seed)
    steps, losses = batches.per_epoch * recipe.epochs, []
    task.module.train()
    began = time.perf_counter()
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
    return losses, (time.perf_counter() - began) / steps


def ours(task: Task, recipe: Recipe, world: World, folder: Path) -> tuple[list[float], float]:
    """Train the same with the loop of `ml`, checkpoints and all; return its losses and seconds per step."""
    run = Run(
        task, recipe, world, checkpoints=Checkpoints(folder, "plain"), stop=StopRequest(), report=lambda _point: None
    )
    outcome = run.finish()
    return [point["loss"] for point in outcome.curve if "loss" in point], outcome.seconds_per_step


def main(data: Path, rounds: int = 5) -> None:
    """Print the seconds per step of both loops, taken in turns, and the median of ours over plain by round."""
    _, rows = datasets.read(data)
    recipe = replace(catalogue.recipe("review_sentiment", "laptop"), most_examples=960)
    rows = {name: examples[: recipe.most_examples] for name, examples in rows.items()}
    build = catalogue.part("review_sentiment", "task").build
    ratios = []
    with join(Place()) as world:
        task = build(recipe, {"train": rows["train"], "test": rows["test"][:64]}, world)
        for number in range(rounds):
            with TemporaryDirectory() as folder:
                (_, ours_seconds), (_, plain_seconds) = ours(task, recipe, world, Path(folder)), plain(task, recipe)
            ratios.append(plain_seconds / ours_seconds)
            print(
                f"round={number} ours={ours_seconds:.4f} plain={plain_seconds:.4f} speed={ratios[-1]:.3f}", flush=True
            )
    print(f"median speed against plain={statistics.median(ratios):.3f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
