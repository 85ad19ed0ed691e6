"""One recipe with one seed by every launcher, real ones all, and some of the runs struck while they go on.

Runs of as many processes must end alike, to the last bit, whoever launched them and whatever was taken from them.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import psutil

from ci import cluster_jobs
from ci.contracts import cluster_contract
from ci.drill import platform, ray_cluster
from ci.drill.pools import reclaim
from ci.errors import WorkError
from ci.progress import QUIET, Progress
from ci.result import Result
from ci.site import Site
from ci.train import prepared, train
from ci.workspace import ROOT
from ml.contract import BASE_DIR_VARIABLE

MODEL, RECIPE = "review_writer", "debug"
CHANGES = {"most_examples": "160", "log_every": "5", "checkpoint_every": "5"}
TAIL_LINES, POLL_SECONDS = 15, 0.3
ALONE = ("-m", "ml", "train")
PROCESSES = (*ALONE, "--processes", "2")
# Its logs go where its output goes: else it leaves a folder in TMPDIR.
AGENT = ("-m", "torch.distributed.run", "--standalone", "--log-dir=/dev/null")
TORCHRUN = (*AGENT, "--nproc-per-node=2", *ALONE)


class LaunchedRun(Result):
    """How one run ended. `resumed_at` is the step that it went on from after it was struck."""

    launcher: str
    processes: int
    struck: str
    resumed_at: int | None
    loss: float
    accuracy: float
    seconds: float
    weights_sha256: str


class LaunchersResult(Result):
    """All runs."""

    model: str
    recipe: str
    runs: tuple[LaunchedRun, ...]

    @property
    def sound(self) -> bool:
        """Say whether runs of as many processes ended alike, and those that were struck went on by themselves."""
        ends = {(run.processes, run.loss, run.accuracy, run.weights_sha256) for run in self.runs}
        went_on = all(run.resumed_at for run in self.runs if run.struck)
        return went_on and len(ends) == len({run.processes for run in self.runs})


@dataclass(frozen=True, kw_only=True)
class Way:
    """A launcher, how many processes share the work, what is taken from it, and how it is done.

    `launch` is given who hears each line, and returns the folder of the model.
    """

    launcher: str
    processes: int
    launch: Callable[["Heard"], Path]
    struck: str = ""


class Heard(Progress):
    """A run's lines; `strike` is called when its first checkpoint is there."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.strike: Callable[[], object] | None = None

    def say(self, line: str) -> None:
        """Take a line."""
        self.lines.append(line)
        if self.strike and line.endswith(" saved"):
            strike, self.strike = self.strike, None
            strike()

    @property
    def resumed_at(self) -> int | None:
        """The step that it says it went on from."""
        found = (line.rpartition("resuming at step=")[2] for line in self.lines if "resuming at step=" in line)
        return next((int(step.split()[0]) for step in found), None)


class Launchers:
    """The ways to train a model by a recipe on a site."""

    def __init__(self, site: Site, folder: Path, model: str, recipe: str, changes: Mapping[str, str]) -> None:
        self._site, self._folder, self._model, self._recipe, self._changes = site, folder, model, recipe, changes
        self._request, _ = prepared(site, model, recipe, changes, QUIET)

    def ways(self) -> tuple[Way, ...]:
        """Return all of them, those of one process first."""
        return (
            Way(launcher="shell", processes=1, launch=self._shell(*ALONE)),
            Way(launcher="SageMaker", processes=1, launch=self._platform("sagemaker")),
            Way(launcher="Batch", processes=1, struck="machine reclaimed", launch=self._platform("batch:one")),
            Way(launcher="torchrun", processes=2, launch=self._shell(*TORCHRUN)),
            Way(launcher="--processes 2", processes=2, struck="kill -9 of one", launch=self._shell(*PROCESSES)),
            Way(launcher="Batch, 2 machines", processes=2, launch=self._platform("batch:two")),
            Way(launcher="Ray Train, 2 nodes", processes=2, struck="node lost", launch=self._on_ray),
        )

    def _platform(self, on: str) -> Callable[[Heard], Path]:
        def launch(heard: Heard) -> Path:
            heard.strike = (lambda: reclaim(self._site.client)) if on == "batch:one" else None
            return self._trained(on, heard)

        return launch

    def _trained(self, on: str, heard: Heard, workers: int = 1) -> Path:
        """Train as `groundplan train --on` does; return the folder of the model."""
        asked: dict[str, Any] = {"recipe": self._recipe, "changes": self._changes, "on": on, "workers": workers}
        job = train(self._site, self._model, **asked, progress=heard).job
        return self._site.workspace.folder(self._site.name) / "jobs" / job

    def _shell(self, *words: str) -> Callable[[Heard], Path]:
        def launch(heard: Heard) -> Path:
            base = Path(tempfile.mkdtemp(dir=self._folder))
            (base / "input" / "config").mkdir(parents=True)
            asked = json.dumps(dict(self._request.hyperparameters))
            (base / "input" / "config" / "hyperparameters.json").write_text(asked)
            (base / "input" / "data").mkdir()
            (base / "input" / "data" / "training").symlink_to(self._site.workspace.home / "datasets" / self._model)
            # As many in all as elsewhere; of two processes each has one, as both launchers see to themselves.
            threads = {"OMP_NUM_THREADS": str(platform.VCPUS)} if words == ALONE else {}
            with self._started({BASE_DIR_VARIABLE: str(base), **threads}, *words) as process:
                if words == PROCESSES:
                    heard.strike = lambda: psutil.Process(process.pid).children()[1].kill()
                _hear(process, heard)
            return base / "model"

        return launch

    def _on_ray(self, heard: Heard) -> Path:
        cpus, threads = platform.CLUSTER.worker.vcpus, {"OMP_NUM_THREADS": "1"}
        with ray_cluster.running(self._environment(threads), nodes=2, cpus=cpus) as cluster, self._head(cluster):

            def lose() -> None:
                cluster.lose_node()
                cluster.add_node()

            heard.strike = lose
            return self._trained(f"cluster:{platform.CLUSTER.name}", heard, workers=2)

    @contextmanager
    def _head(self, cluster: ray_cluster.RayCluster) -> Iterator[None]:
        """Do what the head of a cluster does beside Ray: take jobs."""
        contract = cluster_contract(self._site, platform.CLUSTER.name)
        folder = f"s3://{contract.artifact_bucket}/{contract.artifact_prefix}"
        words = ("jobs", folder, "--log-group", contract.log_group, "--every", "0.3")
        with self._started(cluster.environment, "-m", "ml.clusters", "--address", cluster.address, *words) as process:
            try:
                while process.poll() is None and not cluster_jobs.takes_jobs(self._site, platform.CLUSTER.name):
                    time.sleep(POLL_SECONDS)
                yield
            finally:
                process.terminate()

    def _started(self, variables: Mapping[str, str], *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, *words],
            cwd=self._site.workspace.root,
            env=self._environment(variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def _environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        own = {"PYTHONPATH": str(self._site.workspace.root), "PYTHONUNBUFFERED": "1"}
        return {**self._site.variables(), **own, **variables}


def drill(
    *,
    model: str = MODEL,
    recipe: str = RECIPE,
    changes: Mapping[str, str] = CHANGES,
    program: Path = ROOT,
    processes: Container[int] = (1, 2),
    progress: Progress = QUIET,
) -> LaunchersResult:
    """Train once by each launcher, one after the other, on an embedded cloud and a Ray cluster of their own.

    `processes` leaves out those that share the work among another number of them.
    """
    runs = []
    with tempfile.TemporaryDirectory(prefix="launchers") as folder, platform.running(Path(folder), program) as site:
        ways = Launchers(site, Path(folder), model, recipe, changes).ways()
        for way in (one for one in ways if one.processes in processes):
            progress.say(f"{way.launcher}, processes={way.processes}{way.struck and ', ' + way.struck} …")
            runs.append(_run(way))
    return LaunchersResult(model=model, recipe=recipe, runs=tuple(runs))


def _run(way: Way) -> LaunchedRun:
    heard, began = Heard(), time.monotonic()
    model = way.launch(heard)
    seconds = time.monotonic() - began
    report = json.loads((model / "report.json").read_text())
    weights = b"".join(path.read_bytes() for path in sorted(model.rglob("*.safetensors")))
    return LaunchedRun(
        launcher=way.launcher,
        processes=way.processes,
        struck=way.struck,
        resumed_at=heard.resumed_at,
        loss=[point["loss"] for point in report["curve"] if "loss" in point][-1],
        accuracy=report["accuracy"],
        seconds=round(seconds, 1),
        weights_sha256=sha256(weights).hexdigest(),
    )


def _hear(process: subprocess.Popen[str], heard: Heard) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        heard.say(line.rstrip())
    if code := process.wait():
        raise WorkError(
            thing="drill", value=f"a run that ended with {code}", rule="must end well", fix="see its last lines",
            details=heard.lines[-TAIL_LINES:],
        )  # fmt: skip
