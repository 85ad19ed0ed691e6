"""The program that `cdktf` runs."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import environments

ROOT = Path(__file__).parents[2]


def run(*names: str, outdir: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    child = {**os.environ, "CDKTF_OUTDIR": str(outdir), **variables}
    command = [sys.executable, "app.py", *names]
    return subprocess.run(command, cwd=ROOT, env=child, capture_output=True, text=True, check=False)


def test_unknown_environment_ends_with_2_and_one_line(tmp_path: Path) -> None:
    answer = run("prd", outdir=tmp_path)
    expected = "environment: 'prd' has no file in environments/; did you mean 'prod'?\n"
    assert (answer.returncode, answer.stdout, answer.stderr) == (2, "", expected)
    assert list(tmp_path.iterdir()) == []


def test_variable_names_the_environments(tmp_path: Path) -> None:
    answer = run(outdir=tmp_path, GROUNDPLAN_ENVIRONMENTS="local")
    assert (answer.returncode, answer.stderr) == (0, "")
    assert {folder.name.split("-")[0] for folder in (tmp_path / "stacks").iterdir()} == {"local"}


def test_an_environment_that_no_file_holds_is_given_as_a_value(tmp_path: Path) -> None:
    given = environments.load("local").model_copy(update={"name": "other"})
    child = {**os.environ, "CDKTF_OUTDIR": str(tmp_path)}
    command = [sys.executable, "app.py", "other", "--given"]
    subprocess.run(command, cwd=ROOT, env=child, input=pickle.dumps(given), check=True, capture_output=True)
    assert {folder.name.split("-")[0] for folder in (tmp_path / "stacks").iterdir()} == {"other"}
