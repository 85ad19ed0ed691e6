"""The training loop, tracked and checkpointed, against others' loops, and two processes against two strangers."""

import json
import subprocess
import tempfile
from pathlib import Path

from ci.bench.process import python
from ci.bench.row import Row, compare, compare_turns
from ci.child_environment import child_environment
from ci.drill.launchers import AGENT
from ci.own_environment import python_of
from ci.workspace import ROOT, Workspace

LOCK = "requirements-bench.lock"
ROUNDS = 4
# At least 97 % of the plain loop's steps per second; ahead of the others; two processes that exchange gradients are at
# least 80 % as fast as two that train apart, which is all that this machine can give.
PLAIN_BOUND, PEER_BOUND, SCALING_BOUND = round(1 / 0.97, 4), 1.0, 1.25
ENTRY = "ci.bench.train_processes"


def run() -> dict[str, Row]:
    """Measure in processes of their own: torch takes its thread settings when it is first imported."""
    other = str(python_of(Workspace(), LOCK, "bench", sees_ours=True))
    said = _said(_started([other, "-m", "ci.bench.train_loops"])).splitlines()[-1]
    steps: dict[str, list[float]] = json.loads(said)
    bounds = {"plain loop": PLAIN_BOUND, "Lightning": PEER_BOUND, "Accelerate": PEER_BOUND}
    names = {"plain loop": "train_step", "Lightning": "train_over_lightning", "Accelerate": "train_over_accelerate"}
    rows = {
        names[peer]: compare_turns(steps["ours"], {peer: steps[peer]}, unit="s per step", bound=bound)
        for peer, bound in bounds.items()
    }
    return rows | {"train_two_processes": _two_processes()}


def _two_processes() -> Row:
    """Time two processes that train one model, and two that know nothing of each other, in turns."""
    with tempfile.TemporaryDirectory() as folder:
        fetch = ("-m", "ml", "fetch", "--cache", str(ROOT / ".cache" / "datasets"), "--model", "review_sentiment")
        _said(_started(python(*fetch, "--out", folder)))
        rounds = [(_together(Path(folder)), _apart(Path(folder))) for _ in range(ROUNDS)]
    together, apart = (min(column) for column in zip(*rounds, strict=True))
    return compare(together, {"two apart": apart}, unit="s per step", bound=SCALING_BOUND)


def _together(data: Path) -> float:
    torchrun = (*AGENT, "--nproc-per-node=2", "-m", ENTRY, str(data))
    return max(_seconds(_said(_started(python(*torchrun)))))


def _apart(data: Path) -> float:
    both = [_started(python("-m", ENTRY, str(data))) for _ in range(2)]
    return max(seconds for each in both for seconds in _seconds(_said(each)))


def _started(command: list[str]) -> "subprocess.Popen[str]":
    environment = child_environment({"OMP_WAIT_POLICY": "passive"})
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def _said(process: "subprocess.Popen[str]") -> str:
    said, wrong = process.communicate()
    if process.returncode:
        raise RuntimeError(f"{process.args!r} failed:\n{wrong[-2000:]}")
    return said


def _seconds(said: str) -> list[float]:
    """Read the numbers among the lines that a run prints."""
    return [float(line) for line in said.splitlines() if line.replace(".", "", 1).isdigit()]
