"""Training by every launcher: where a job may go; and real runs of the toy, some of them struck, that end alike."""

import shutil
from pathlib import Path
from typing import Any

import pytest

import environments
from ci.drill import launchers
from ci.drill.launchers import Heard, LaunchedRun, LaunchersResult
from ci.errors import CommandError
from ci.site import Site
from ci.train import train
from ci.workspace import Workspace
from ml import models

ROOT = Path(__file__).parent.parent.parent
TOY = ROOT / "tests" / "ml" / "toy_model"


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"on": "batsch:small"}, "--on batsch:small names no place to train"),
        ({"on": "batch:"}, "names no place to train"),
        ({"on": "batch:smal"}, "use 'small'|'small'"),
        ({"on": "cluster:shard"}, "use 'shared'|'shared'"),
        ({"on": "batch:small", "workers": 2}, "--workers 2 means nothing on batch:small"),
        ({"on": "cluster:shared", "most_usd": 1.0}, "--most-usd with --on cluster:shared has no price"),
    ],
)
def test_a_place_that_takes_no_such_job_is_named_with_the_cure(
    asked: dict[str, Any], says: str, tmp_path: Path
) -> None:
    nowhere = Site(environments.load("local"), Workspace(home=tmp_path), "http://127.0.0.1:9")
    with pytest.raises(CommandError, match=says):
        train(nowhere, "review_writer", recipe="debug", **asked)


def test_a_run_is_struck_once_at_its_first_checkpoint_and_says_where_it_went_on() -> None:
    struck = []
    heard = Heard()
    heard.strike = lambda: struck.append(len(heard.lines))
    for line in ("  checkpoint step=5 saving", "  checkpoint step=5 saved", "checkpoint step=10 saved"):
        heard.say(line)
    assert heard.resumed_at is None
    heard.say("(RayTrainWorker pid=7) checkpoint=/x/step-00000005 resuming at step=5")
    assert (struck, heard.resumed_at) == ([2], 5)


def test_a_drill_is_sound_when_runs_of_as_many_processes_end_alike_and_all_went_on() -> None:
    run = LaunchedRun(
        launcher="a", processes=1, struck="", resumed_at=None, loss=1.0, accuracy=0.5, seconds=1, weights_sha256="x"
    )
    two = run.model_copy(update={"processes": 2, "loss": 2.0, "struck": "kill -9", "resumed_at": 5})
    assert _result(run, run, two).sound
    assert not _result(run, run.model_copy(update={"weights_sha256": "y"}), two).sound
    assert not _result(run, two.model_copy(update={"resumed_at": None})).sound


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_toy_ends_alike_however_two_processes_are_launched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(ROOT / "ml", tmp_path / "ml", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(TOY, tmp_path / "ml" / "models" / TOY.name)
    monkeypatch.setattr(models, "__path__", [*models.__path__, str(TOY.parent)])
    # Seconds are left after the first checkpoint, which is when a run is struck.
    long = {"epochs": "32", "checkpoint_every": "100", "log_every": "100"}
    result = launchers.drill(model="toy_model", recipe="only", changes=long, program=tmp_path, processes=[2])
    assert len(result.runs) == 4
    assert result.sound, result.runs


def _result(*runs: LaunchedRun) -> LaunchersResult:
    return LaunchersResult(model="toy_model", recipe="only", runs=runs)
