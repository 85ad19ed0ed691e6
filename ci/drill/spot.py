"""A spot drill: the same small training run again and again, each time struck at another moment, and what it cost.

Each run is the real trainer on real text. It is struck once, started again on what it left, and must end with the
weights of the run that nobody struck, bit for bit, having done again no more steps than lie between two checkpoints.
"""

import json
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from ci.drill.attempt import MARKS, STEP, Attempt
from ci.drill.remains import remains
from ci.drill.strikes import Strike, deliver, draw
from ci.errors import WorkError
from ci.progress import QUIET, Progress
from ci.result import Result
from ci.workspace import Workspace
from infra.localcloud import instance_metadata
from infra.prices import TABLE_REGION, prices
from ml.contract import Container
from ml.data import datasets
from ml.training.stop import PHASES

MODEL, RECIPE = "review_writer", "debug"
CHECKPOINT_EVERY = 8
# Two epochs: one of the two evaluations is in the middle, where there is still something to stop.
RECIPE_CHANGES = {
    "most_examples": 160, "epochs": 2, "batch_size": 24, "log_every": 1, "checkpoint_every": CHECKPOINT_EVERY,
    "deterministic": True,
}  # fmt: skip
INSTANCE = "g5.xlarge"
AT_ONCE = 2
TOLD = re.compile(r" in phase ([a-z-]+);")
POLL_SECONDS = 0.05


class DrilledRun(Result):
    """One struck run. `phase` is what the trainer was doing when it was struck, by its own word or by its log."""

    seed: int
    kind: str
    phase: str
    # None where it was over before the moment came.
    struck_at_seconds: float | None
    lost_steps: int
    checkpoint_interval: int
    # Checkpoints that the strike left half-written, and whether the next attempt loaded one of them.
    half_written: int
    half_written_loaded: bool
    bit_identical: bool
    weights_sha256: str
    seconds_lost: float
    usd_saved: float

    @property
    def sound(self) -> bool:
        """Say whether it lost no more than it may, loaded nothing half-written and ended as if nobody had struck."""
        return self.bit_identical and self.lost_steps <= self.checkpoint_interval and not self.half_written_loaded


class DrillResult(Result):
    """All runs; `weights_sha256` is what each must end with, `phases` how many were struck in each."""

    model: str
    recipe: str
    steps: int
    weights_sha256: str
    seconds_unstruck: float
    instance: str
    spot_assumption: str
    phases: dict[str, int]
    runs: tuple[DrilledRun, ...]

    @property
    def sound(self) -> bool:
        """Say whether all runs are."""
        return all(run.sound for run in self.runs)


@dataclass(frozen=True, kw_only=True)
class Reference:
    """The run that nobody struck: what it ended with, and how often and how long it was in each phase."""

    weights: str
    steps: int
    seconds: float
    turns: Mapping[str, int]
    phase_seconds: Mapping[str, float]


def drill(workspace: Workspace, *, runs: int, seed: int, progress: Progress = QUIET) -> DrillResult:
    """Do so many runs; two at a time, for a trainer here has one thread."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        datasets.prepare(MODEL, workspace.cache / "datasets", folder / "data")
        reference = _reference(folder)
        progress.say(f"Unstruck: {reference.steps} steps in {reference.seconds:.1f} s.")
        done: list[DrilledRun] = []
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for run in pool.map(lambda number: _struck(folder, reference, number), range(seed, seed + runs)):
                done.append(run)
                progress.say(_told(len(done), runs, run))
    return DrillResult(
        model=MODEL,
        recipe=RECIPE,
        steps=reference.steps,
        weights_sha256=reference.weights,
        seconds_unstruck=round(reference.seconds, 2),
        instance=INSTANCE,
        spot_assumption=f"spot at {prices()['spot-factor', TABLE_REGION].usd:g} of the on-demand price",
        phases={phase: sum(run.phase == phase for run in done) for phase in PHASES},
        runs=tuple(done),
    )


def _reference(folder: Path) -> Reference:
    # Twice: the first imports what all later ones share.
    for name in ("first", "reference"):
        base = _container(folder, name)
        attempt = _attempt(base, "attempt")
        if attempt.ended() != 0:
            raise WorkError(
                thing="drill", value=f"the run that is not struck ended with {attempt.ended()}", rule="must end well",
                fix="see its log above", details=attempt.text.splitlines()[-15:],
            )  # fmt: skip
    return Reference(
        weights=_weights(base),
        steps=attempt.step,
        seconds=attempt.seconds,
        turns=_turns(attempt),
        phase_seconds=_phase_seconds(attempt),
    )


def _struck(folder: Path, reference: Reference, seed: int) -> DrilledRun:
    base = _container(folder, f"run-{seed}")
    strike = draw(seed, reference.turns)
    with instance_metadata.serving() as service:
        first = _attempt(base, "first", service.url)
        struck = deliver(strike, first, service, reference.phase_seconds)
    last, seconds, left = first, first.seconds, remains(base / "checkpoints")
    if first.ended() != 0:
        last = _attempt(base, "second")
        last.ended()
        seconds += last.seconds
    run = DrilledRun(
        seed=seed,
        kind=strike.kind,
        phase=_met(first, strike),
        struck_at_seconds=None if struck is None else round(struck, 2),
        lost_steps=max(0, first.step - last.resumed_at) if last is not first else 0,
        checkpoint_interval=CHECKPOINT_EVERY,
        half_written=left.half_written,
        half_written_loaded=last is not first and last.resumed_at not in left.whole | {0},
        bit_identical=last.ended() == 0 and _weights(base) == reference.weights,
        weights_sha256=_weights(base),
        seconds_lost=round(max(0.0, seconds - reference.seconds), 2),
        usd_saved=round(_saved(reference.seconds, seconds), 6),
    )
    shutil.rmtree(base)
    return run


def _container(folder: Path, name: str) -> Path:
    base = folder / name
    (base / "input" / "config").mkdir(parents=True)
    asked = {"model": MODEL, "recipe": RECIPE} | {key: str(value) for key, value in RECIPE_CHANGES.items()}
    (base / "input" / "config" / "hyperparameters.json").write_text(json.dumps(asked))
    (base / "input" / "data").mkdir()
    (base / "input" / "data" / "training").symlink_to(folder / "data")
    return base


def _attempt(base: Path, name: str, metadata_endpoint: str | None = None) -> Attempt:
    container = Container(
        base=base,
        # One store for all attempts, as a team has one server: a new database takes as long as a run.
        tracking_uri=f"sqlite:///{base.parent / 'mlflow.db'}",
        metadata_endpoint=metadata_endpoint,
        notice_seconds=POLL_SECONDS,
    )
    return Attempt(container, base / f"{name}.log")


def _weights(base: Path) -> str:
    path = base / "model" / "weights.safetensors"
    return sha256(path.read_bytes()).hexdigest() if path.exists() else ""


def _turns(attempt: Attempt) -> dict[str, int]:
    counted = Counter(name for _, line in attempt.lines for name, mark in MARKS.items() if mark.match(line))
    return {phase: counted.get(phase, 0) for phase in PHASES} | {"start-up": 1, "step": 1}


def _phase_seconds(attempt: Attempt) -> dict[str, float]:
    """How long each phase lasts: from its mark to what is said next; all steps are one."""
    at = {name: [when for when, line in attempt.lines if mark.match(line)] for name, mark in MARKS.items()}
    steps = [when for when, line in attempt.lines if STEP.match(line)]
    after = {"evaluation": next((when for when, line in attempt.lines if " accuracy=" in line), steps[-1])}
    return {
        "start-up": at["warm-up"][0] - attempt.began,
        "warm-up": steps[0] - at["warm-up"][0] + 0.1 * (steps[-1] - steps[0]),
        "step": steps[-1] - steps[0],
        "evaluation": max(0.02, after["evaluation"] - at["evaluation"][0]),
        "save": max(0.02, at["saved"][0] - at["save"][0]),
        "shutdown": max(0.02, attempt.lines[-1][0] - at["shutdown"][0]),
    }


def _met(attempt: Attempt, strike: Strike) -> str:
    """What the trainer says that it was at; of one that was killed, what its log says last."""
    if told := TOLD.search(attempt.text):
        return told[1]
    reached = [strike.phase if strike.phase == "start-up" else "step"]
    for _, line in attempt.lines:
        reached += ["step"] if STEP.match(line) or MARKS["saved"].match(line) else []
        reached += [name for name, mark in MARKS.items() if name in PHASES and mark.match(line)]
    return reached[-1]


def _saved(unstruck_seconds: float, seconds: float) -> float:
    """Dollars between the whole run on demand and all attempts on spot."""
    hourly = prices()[INSTANCE, TABLE_REGION].usd
    return hourly / 3600 * (unstruck_seconds - seconds * prices()["spot-factor", TABLE_REGION].usd)


def _told(number: int, runs: int, run: DrilledRun) -> str:
    outcome = "same weights" if run.bit_identical else "OTHER WEIGHTS"
    return f"{number:>4}/{runs} {run.kind:<24} in {run.phase:<10} lost {run.lost_steps} steps, {outcome}"
