"""`python -m ci.bench.train_loops`: seconds per step of our loop and of a plain one, as a line of JSON.

Both take the same steps on the same task in turns; the fastest round of each counts, for noise only ever adds.
"""

import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn
from torch.optim import AdamW

from ci.workspace import ROOT
from ml.contract import Place
from ml.data import datasets
from ml.models import catalogue
from ml.training.batches import Batches
from ml.training.checkpoints import Checkpoints
from ml.training.loop import Run, learning_rate
from ml.training.recipe import Recipe
from ml.training.stop import StopRequest
from ml.training.task import Task
from ml.training.tracking import Tracker
from ml.training.world import World, join

MODEL = "review_sentiment"
ROUNDS = 3
EXAMPLES = 3200


def plain(task: Task, recipe: Recipe) -> float:
    """Take every step of the recipe with nothing around it; return seconds per step."""
    module = task.module.train()
    optimizer = AdamW(module.parameters(), weight_decay=recipe.weight_decay, fused=True)
    batches = Batches(task.lengths, recipe.batch_size, recipe.seed)
    started = time.perf_counter()
    for step in range(batches.per_epoch):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(recipe, step, batches.per_epoch)
        loss = task.loss(module, batches[step])
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(module.parameters(), recipe.largest_gradient)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return (time.perf_counter() - started) / batches.per_epoch


def ours(task: Task, recipe: Recipe, world: World, folder: Path) -> float:
    """Take the same steps as a job does: checkpoints on disk, metrics to MLflow's SQLite store."""
    tracker = Tracker(None, folder, experiment=MODEL, name="bench", parameters={})
    try:
        run = Run(
            task, recipe, world,
            checkpoints=Checkpoints(folder, folder.name, world),
            stop=StopRequest(),
            report=lambda point: tracker.metrics(point["step"], {"loss": point.get("loss", 0.0)}),
        )  # fmt: skip
        return run.finish().seconds_per_step
    finally:
        tracker.close(finished=True)


def main() -> None:
    """Measure in turns and print the fastest of each."""
    recipe = replace(catalogue.recipe(MODEL, "laptop"), epochs=1, checkpoint_every=50)
    with tempfile.TemporaryDirectory() as folder, join(Place()) as world:
        datasets.prepare(MODEL, ROOT / ".cache" / "datasets", Path(folder) / "data")
        _, data = datasets.read(Path(folder) / "data")
        few = {"train": data["train"][:EXAMPLES], "test": data["test"][:64]}
        task = catalogue.part(MODEL, "task").build(recipe, few, world)
        rounds = [
            (ours(task, recipe, world, Path(folder) / f"round-{turn}"), plain(task, recipe)) for turn in range(ROUNDS)
        ]
    mine, bare = (min(column) for column in zip(*rounds, strict=True))
    print(json.dumps({"ours": mine, "plain": bare, "threads": torch.get_num_threads(), "rounds": rounds}))


if __name__ == "__main__":
    main()
