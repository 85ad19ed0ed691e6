"""`python -m ml`: its help, and the way to a training job by hand that the help shows."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from ml import __main__ as command
from tests.ml.conftest import CACHE
from tests.ml.jobs import ROOT, Job


def test_help_shows_examples_that_start_with_what_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        command.main(["--help"])
    assert left.value.code == 0
    said = capsys.readouterr().out
    assert "SAGEMAKER_BASE_DIR=/tmp/job python -m ml train" in said
    for name in ("train", "optimize", "serve", "fetch"):
        assert f"\n    {name} " in said


@pytest.mark.parametrize("arguments", [[], ["dance"], ["fetch"], ["fetch", "--cach", "nowhere"]])
def test_a_wrong_command_line_is_exit_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        command.main(arguments)
    assert left.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_the_help_s_first_examples_prepare_a_job(tmp_path: Path, reviews: Path) -> None:
    """The first three lines, as a reader would paste them, but for the folders."""
    assert reviews.exists(), "the source is in the cache by now, so nothing is fetched here"
    lines = [line.strip() for line in command.EXAMPLES.splitlines() if line.startswith("  ")][:3]
    script = "\n".join(lines).replace("/tmp/job", str(tmp_path)).replace(".cache/datasets", str(CACHE))
    script = script.replace("python -m ml", f"{shlex.quote(sys.executable)} -m ml")
    subprocess.run(["bash", "-euc", script], cwd=ROOT, check=True, capture_output=True)
    assert (tmp_path / "input" / "data" / "training" / "manifest.json").exists()
    assert "review_sentiment" in (tmp_path / "input" / "config" / "hyperparameters.json").read_text()


def test_an_option_that_would_be_ignored_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["fetch", "--cache", str(tmp_path), "--out", str(tmp_path)]) == 2
    assert "needs --model; use 'review_sentiment'" in capsys.readouterr().err


def test_fetching_an_unknown_model_offers_the_nearest(tmp_path: Path) -> None:
    finished = Job(base=tmp_path).run("fetch", "--cache", str(tmp_path), "--model", "review_sentimnet")
    assert finished.code == 2
    assert "use 'review_sentiment'" in finished.said
