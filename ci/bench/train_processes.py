"""`python -m ci.bench.train_processes DATA`: seconds per step of this process, one of however many train together.

Each has one thread and as many examples a step as any other, alone or not, so that all processes have the same to do.
"""

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import torch

from ml import contract
from ml.contract import Place
from ml.data import datasets
from ml.models import catalogue
from ml.training.checkpoints import Checkpoints
from ml.training.loop import Run
from ml.training.stop import StopRequest
from ml.training.world import join

MODEL = "review_sentiment"
STEPS, EXAMPLES = 24, 16


def main(data: Path) -> None:
    """Train some steps and print how long each took."""
    contract.let_waiting_threads_sleep()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder, join(contract.container().place or Place()) as world:
        each = EXAMPLES * world.size
        recipe = replace(catalogue.recipe(MODEL, "laptop"), batch_size=each, checkpoint_every=10_000)
        rows = {"train": datasets.read(data)[1]["train"][: STEPS * each], "test": datasets.read(data)[1]["test"][:8]}
        torch.manual_seed(recipe.seed)
        task = catalogue.part(MODEL, "task").build(recipe, rows, world)
        checkpoints = Checkpoints(Path(folder), "bench", world)
        run = Run(task, recipe, world, checkpoints=checkpoints, stop=StopRequest(), report=lambda _point: None)
        # One write: where output is unbuffered, `print` writes the end of the line by itself, after another's number.
        sys.stdout.write(f"{run.finish().seconds_per_step!r}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
