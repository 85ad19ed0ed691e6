"""`python -m ci.bench.train_loops`: seconds per step of our loop and of others, as a line of JSON.

Each is a process of its own, takes the same steps of the same recipe, and runs in its turns alone (`turns`). A turn is
a step, from where it asks for its loss to where the next one does, with all that a loop does there: its saves, what it
tells its tracker, and the threads in which ours does so. Not counted is what a run pays once: the first steps, beside
which the tracker's new store is made, a second of a processor's time, and what comes after the last. Processes that do
the same differ by the memory that they got: all are started anew for each of some sets.

The clock goes on while a process is stopped: ours would tell its tracker every ten seconds of everybody's time, not of
its own, hence `tracking.SECONDS_BETWEEN_BATCHES` times the number of processes.
"""

import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from ci.bench import turns
from ci.bench.train_peers import PEERS
from ci.bench.turns import Turns
from ci.workspace import ROOT
from ml.contract import Place
from ml.data import datasets
from ml.models import catalogue
from ml.training import tracking
from ml.training.checkpoints import Checkpoints
from ml.training.loop import Run
from ml.training.recipe import Recipe
from ml.training.stop import StopRequest
from ml.training.task import Task
from ml.training.tracking import Tracker
from ml.training.world import World, join

MODEL = "review_sentiment"
OURS = "ours"
Loop = Callable[[Task, Recipe, Path], None]
WARM_UP = 50
EXAMPLES = 6464
SETS = 3


class Paced:
    """A task that waits for its turn when a step asks for its loss."""

    def __init__(self, task: Task, turns: Turns) -> None:
        self.module, self.lengths = task.module, task.lengths
        self.right_answers, self.save = task.right_answers, task.save
        self._task, self._turns = task, turns

    def loss(self, module: nn.Module, batch: Sequence[int]) -> Tensor:
        """Wait, and return the task's loss."""
        self._turns.next()
        return self._task.loss(module, batch)


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


def play(folder: Path, name: str, turns: Turns) -> None:
    """Train as this contender does, a process's whole life."""
    recipe = catalogue.recipe(MODEL, "laptop")
    tracking.SECONDS_BETWEEN_BATCHES *= 1 + len(PEERS)
    with join(Place()) as world:
        _, data = datasets.read(folder / "data")
        few = {"train": data["train"][:EXAMPLES], "test": data["test"][:64]}
        torch.manual_seed(recipe.seed)
        task = Paced(catalogue.part(MODEL, "task").build(recipe, few, world), turns)
        loops: dict[str, Loop] = {OURS: partial(ours, world=world), **PEERS}
        loops[name](task, recipe, folder / name)


def commands(folder: str) -> dict[str, list[str]]:
    """Return what starts each process of a set."""
    return {name: [sys.executable, "-m", "ci.bench.train_loops", folder, name] for name in (OURS, *PEERS)}


def main() -> None:
    """Measure in turns; print each one's seconds, step by step."""
    steps = EXAMPLES // catalogue.recipe(MODEL, "laptop").batch_size
    took: dict[str, list[float]] = {name: [] for name in (OURS, *PEERS)}
    for number in range(SETS):
        with tempfile.TemporaryDirectory() as folder:
            datasets.prepare(MODEL, ROOT / ".cache" / "datasets", Path(folder) / "data")
            # From each step's loss to the next one's: there is none after the last.
            for name, seconds in turns.take(commands(folder), steps - 1, seed=number).items():
                took[name] += seconds[WARM_UP:]
    print(json.dumps(took))


if __name__ == "__main__":
    if len(sys.argv) == 1:
        main()
    else:
        play(Path(sys.argv[1]), sys.argv[2], Turns(int(sys.argv[3])))
