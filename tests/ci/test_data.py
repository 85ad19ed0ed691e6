"""`groundplan data`: what is made, and how it is told; and the data of a run, told in short."""

import json
from pathlib import Path

import pytest

from ci.cli import run
from ci.commands.runs import _brief
from ml.data import datasets


def test_a_data_set_is_told_by_its_hashes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["data", "prepare", "review_writer", "--rows-per-shard", "9000", "--home", str(tmp_path)]
    assert run([*arguments, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    manifest, _ = datasets.read(tmp_path / "datasets" / "review_writer")
    assert told["version"] == manifest.version
    assert told["shards"] == {name: facts.sha256 for name, facts in manifest.files.items()}
    assert told["splits"]["train"]["shards"] == 3
    stored = json.loads((tmp_path / "datasets" / "review_writer" / "manifest.json").read_text())
    brief = _brief({"model": "review_writer", "data": stored})
    assert brief["data"]["files"]["train"] == f"{told['splits']['train']['rows']} rows in 3 shards"
    assert brief["data"]["transform"]["code"] == told["transform_sha256"]


def test_processes_or_ray_but_not_both(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "prepare", "review_sentiment", "--workers", "2", "--ray", "auto"]) == 2
    assert "exclude each other; leave one out" in capsys.readouterr().err
