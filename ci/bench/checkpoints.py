"""What checkpoints cost a training: while they are written, when the machine is taken, and when the run goes on."""

import json
import subprocess
import tempfile
from pathlib import Path

import psutil

from ci.bench.process import python
from ci.bench.row import Row, compare
from ci.child_environment import child_environment
from ci.workspace import ROOT

MODEL, RECIPE = "review_writer", "debug"
ROUNDS = 3
# What a step needs and no more: torch, the network, its optimizer.
BARE = """
import torch
from ml.models.review_writer.model import Writer
from ml.models.review_writer.recipes import RECIPES
recipe = RECIPES["debug"]
network = Writer(layers=recipe.layers, heads=recipe.heads, width=recipe.width, context=recipe.context)
optimizer = torch.optim.AdamW(network.parameters(), fused=True)
network(torch.zeros(recipe.batch_size, recipe.context, dtype=torch.long)).sum().backward()
optimizer.step()
print("step=1", flush=True)
"""


def run() -> dict[str, Row]:
    """Measure saves in a process of their own, then starts of processes."""
    saves = json.loads(_output(python("-m", "ci.bench.checkpoint_saves")).splitlines()[-1])
    stall, sigterm = saves["stall"], saves["sigterm"]
    restart, bare = _starts()
    return {
        # Training waits for a copy in memory, not for the disk.
        "train_checkpoint_stall": compare(stall["ours"], {"torch.save": stall["plain"]}, unit="s", bound=0.5),
        # The step that is under way, a copy in memory and hashes come on top of the same bytes on the same disk.
        "train_sigterm_to_durable": compare(
            sigterm["ours"], {"synchronous save": sigterm["plain"]}, unit="s", bound=3.0
        ),
        # Data, hashes, the checkpoint and tracking come on top.
        "train_restart_to_first_step": compare(
            restart, {"import torch, build, step": bare}, unit="CPU s to step", bound=2.5
        ),
    }


def _starts() -> tuple[float, float]:
    """Return the fewest processor seconds to the first step, of a job that resumes and of a bare script."""
    from ml.data import datasets

    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        datasets.prepare(MODEL, ROOT / ".cache" / "datasets", base / "input" / "data" / "training")
        (base / "input" / "config").mkdir()
        asked = {"model": MODEL, "recipe": RECIPE, "log_every": "1", "most_examples": "160"}
        (base / "input" / "config" / "hyperparameters.json").write_text(json.dumps(asked))
        job = python("-m", "ml", "train")
        _output(job, SAGEMAKER_BASE_DIR=folder)
        rounds = [
            (_to_first_step(job, SAGEMAKER_BASE_DIR=folder), _to_first_step(python("-c", BARE))) for _ in range(ROUNDS)
        ]
    ours, bare = zip(*rounds, strict=True)
    return min(ours), min(bare)


def _to_first_step(command: list[str], **variables: str) -> float:
    """Return what a process and its threads have worked until they say that a step is done."""
    environment = child_environment(variables)
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        for line in process.stdout:
            if line.startswith("step="):
                seconds = _worked(process.pid)
                process.kill()
                return seconds
    raise RuntimeError(f"{' '.join(command)[:80]} took no step")


def _worked(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def _output(command: list[str], **variables: str) -> str:
    done = subprocess.run(
        command, cwd=ROOT, env=child_environment(variables), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return done.stdout
