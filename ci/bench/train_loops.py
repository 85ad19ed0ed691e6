"""`python -m ci.bench.train_loops`: seconds per step of our loop and of others, as a line of JSON.

All take the same steps of the same recipe in turns, some more than it asks for one checkpoint in. A step's time is the
median over the rounds, from its start to the next one's: what else the machine does for a moment then falls out, and
what a loop does at a certain step stays. The first steps are not counted: what a run pays once would weigh here more
than in a job, most of all its tracker's new store, a second of a processor's time beside the first steps.
"""

import itertools
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from torch import Tensor, nn

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
Loop = Callable[[Task, Recipe, Path], None]
ROUNDS = 4
WARM_UP = 50
EXAMPLES = 6464


class Clocked:
    """A task that notes when each step asks for its loss."""

    def __init__(self, task: Task) -> None:
        self.module, self.lengths = task.module, task.lengths
        self.right_answers, self.save = task.right_answers, task.save
        self._task, self._began = task, list[float]()

    def loss(self, module: nn.Module, batch: Sequence[int]) -> Tensor:
        """Note the time and return the task's loss."""
        self._began.append(time.perf_counter())
        return self._task.loss(module, batch)

    def seconds(self) -> list[float]:
        """Return the seconds from each step to the next, once warm."""
        return [after - before for before, after in itertools.pairwise(self._began[WARM_UP:])]


def ours(task: Task, recipe: Recipe, folder: Path, *, world: World) -> None:
    """Take the same steps as a job does: checkpoints on disk, metrics to MLflow's SQLite store."""
    tracker = Tracker(None, folder, experiment=MODEL, name="bench", parameters={})
    try:
        run = Run(
            task, recipe, world,
            checkpoints=Checkpoints(folder, folder.name, world),
            stop=StopRequest(),
            report=lambda point: tracker.metrics(point["step"], {"loss": point.get("loss", 0.0)}),
        )  # fmt: skip
        run.finish()
    finally:
        tracker.close(finished=True)


def main() -> None:
    """Measure in turns and print seconds per step of each."""
    recipe = catalogue.recipe(MODEL, "laptop")
    with tempfile.TemporaryDirectory() as folder, join(Place()) as world:
        datasets.prepare(MODEL, ROOT / ".cache" / "datasets", Path(folder) / "data")
        _, data = datasets.read(Path(folder) / "data")
        few = {"train": data["train"][:EXAMPLES], "test": data["test"][:64]}
        task = catalogue.part(MODEL, "task").build(recipe, few, world)
        contenders: dict[str, Loop] = {"ours": partial(ours, world=world), **PEERS}
        rounds: dict[str, list[list[float]]] = {name: [] for name in contenders}
        for turn in range(ROUNDS):
            # Each goes first as often as last.
            for name in sorted(contenders, reverse=turn % 2 == 1):
                clocked = Clocked(task)
                contenders[name](clocked, recipe, Path(folder) / f"{name}-{turn}")
                rounds[name].append(clocked.seconds())
    print(json.dumps({"seconds": {name: per_step(found) for name, found in rounds.items()}, "rounds": rounds}))


def per_step(rounds: list[list[float]]) -> float:
    """Return the mean over the steps of each step's median."""
    return statistics.fmean(statistics.median(step) for step in zip(*rounds, strict=True))


if __name__ == "__main__":
    main()
