"""`python -m ci.bench.train_loops`: seconds per step of our loop and of others, as a line of JSON.

All take the same steps on the same task in turns; the fastest round of each counts, for noise only ever adds.
"""

import json
import statistics
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from ci.bench.train_peers import PEERS
from ci.workspace import ROOT
from ml.contract import Place
from ml.data import datasets
from ml.models import catalogue
from ml.training.checkpoints import Checkpoints
from ml.training.loop import Run
from ml.training.recipe import Recipe
from ml.training.stop import StopRequest
from ml.training.task import Task
from ml.training.tracking import Tracker
from ml.training.world import World, join

MODEL = "review_sentiment"
Loop = Callable[[Task, Recipe, Path], float]
ROUNDS = 5
EXAMPLES = 1920


def ours(task: Task, recipe: Recipe, folder: Path, *, world: World) -> float:
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
        contenders: dict[str, Loop] = {"ours": partial(ours, world=world), **PEERS}
        seconds: dict[str, list[float]] = {name: [] for name in contenders}
        for turn in range(ROUNDS):
            # Each goes first as often as last.
            for name in sorted(contenders, reverse=turn % 2 == 1):
                seconds[name].append(contenders[name](task, recipe, Path(folder) / f"{name}-{turn}"))
    fastest = {name: min(found) for name, found in seconds.items()}
    spread = {name: statistics.median(found) / min(found) - 1 for name, found in seconds.items()}
    print(json.dumps({"fastest": fastest, "spread": spread, "threads": torch.get_num_threads(), "rounds": seconds}))


if __name__ == "__main__":
    main()
