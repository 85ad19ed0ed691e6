"""Jobs as the platform starts them: a folder for a container, a process of its own, a bare environment."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from ml import contract
from ml.release import archive

ROOT = Path(__file__).parent.parent.parent
MODULE = ("-m", "ml")
# Its logs go where its output goes: else it leaves a folder in TMPDIR.
AGENT = ("-m", "torch.distributed.run", "--standalone", "--log-dir=/dev/null")
# Importing MLflow takes as long as all else that a job of the toy does: for tests that do not look at what it tracked.
UNTRACKED = {"MLFLOW_TRACKING_URI": ""}
TORCHRUN = (*AGENT, "--nproc-per-node=2", *MODULE)


@dataclass(frozen=True)
class Job:
    """A container's folder in which a job runs as the platform would start it."""

    base: Path
    program: Path = ROOT
    environment: Mapping[str, str] = field(default_factory=dict)

    def configure(self, hyperparameters: Mapping[str, object], data: Path) -> "Job":
        (self.base / "input" / "config").mkdir(parents=True, exist_ok=True)
        strings = {name: str(value) for name, value in hyperparameters.items()}
        (self.base / "input" / "config" / "hyperparameters.json").write_text(json.dumps(strings))
        shutil.copytree(data, self.base / "input" / "data" / contract.TRAINING_CHANNEL, dirs_exist_ok=True)
        return self

    def start(
        self, *command: str, launcher: tuple[str, ...] = MODULE, output: int | IO[str] = subprocess.PIPE
    ) -> subprocess.Popen[str]:
        environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        environment |= {"SAGEMAKER_BASE_DIR": str(self.base), "PYTHONPATH": str(self.program), **self.environment}
        return subprocess.Popen(
            [sys.executable, *launcher, *command],
            cwd=self.program,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *command: str, launcher: tuple[str, ...] = MODULE) -> "Finished":
        with self.start(*command, launcher=launcher) as process:
            try:
                said, _ = process.communicate(timeout=240)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        return Finished(code=process.returncode, said=said)

    def report(self) -> dict[str, object]:
        loaded: dict[str, object] = json.loads((self.base / "model" / "report.json").read_text())
        return loaded

    @property
    def failure(self) -> str:
        return (self.base / "output" / "failure").read_text()


def optimizing(job: Job, model: Path, data: Path, recipe: str) -> Job:
    """The job, handed a trained model to optimize by a recipe."""
    job.configure({"optimization": recipe}, data)
    channel = job.base / "input" / "data" / contract.MODEL_CHANNEL
    channel.mkdir()
    archive.pack({path.name: path for path in model.iterdir()}, channel / contract.MODEL_ARCHIVE)
    return job


@dataclass(frozen=True)
class Finished:
    """How a process ended and what it said."""

    code: int
    said: str

    def well(self) -> "Finished":
        assert self.code == 0, self.said
        return self


def metrics(base: Path) -> dict[str, object]:
    """What a training job measured, without the times."""
    report = json.loads((base / "model" / "report.json").read_text())
    curve = [{name: value for name, value in point.items() if name != "seconds"} for point in report["curve"]]
    return {"accuracy": report["accuracy"], "curve": curve}
