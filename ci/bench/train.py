"""The training loop, tracked and checkpointed, against the same steps written plainly."""

import json
import subprocess

from ci.bench.process import python
from ci.bench.row import Row, compare
from ci.child_environment import child_environment
from ci.workspace import ROOT


def run() -> dict[str, Row]:
    """Measure both in one process of its own: torch takes its thread settings when it is first imported."""
    done = subprocess.run(
        python("-m", "ci.bench.train_loops"),
        cwd=ROOT,
        env=child_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"the training loops failed:\n{done.stderr[-2000:]}")
    seconds = json.loads(done.stdout.splitlines()[-1])
    # At least 95 % of the steps per second is at most 1/0.95 of the seconds per step.
    bound = round(1 / 0.95, 4)
    return {"train_step": compare(seconds["ours"], {"plain loop": seconds["plain"]}, unit="s per step", bound=bound)}
