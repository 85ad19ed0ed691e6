"""The demo whole: real Terraform, a real model, a real endpoint, and nothing left of any of it."""

import json
from pathlib import Path

import psutil
import pytest

from ci.demo import demo
from ci.errors import CommandError
from ci.site import Site
from ci.workspace import Workspace
from infra import localcloud

FIGURES = {
    "resources", "seconds", "accuracy", "baseline_accuracy", "p50_ms", "p99_ms", "cold_start_ms", "cost_usd", "orphans",
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.terraform
@pytest.mark.timeout(900)
def test_from_nothing_to_nothing(tmp_path: Path) -> None:
    workspace, out = Workspace(home=tmp_path / "home"), tmp_path / "out"
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    demo(workspace, recipe="debug", out=out)
    told = json.loads((out / "demo.json").read_text())
    assert told.keys() >= FIGURES
    assert told["orphans"] == 0
    assert told["resources"] > 40
    assert told["accuracy"] > told["baseline_accuracy"] > 0.5
    assert 0 < told["p50_ms"] <= told["p99_ms"] < told["cold_start_ms"]
    assert told["cost_usd"] > 0
    page = (out / "demo.html").read_text()
    assert page.count("<svg") == 4
    assert "local-us-east-1-serving" in page
    assert not localcloud.running(workspace.home)
    assert {process.pid for process in psutil.Process().children(recursive=True)} <= before


@pytest.mark.terraform
def test_a_cloud_that_holds_something_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    workspace = Workspace(home=tmp_path)
    localcloud.start("default", workspace.home, program=workspace.root)
    try:
        site = Site.reach("local", workspace)
        site.client("s3").create_bucket(Bucket="mine")
        with pytest.raises(CommandError, match="s3:::mine are in the embedded cloud already; run `groundplan destroy"):
            demo(workspace, recipe="debug", out=tmp_path / "out")
        assert [bucket["Name"] for bucket in site.client("s3").list_buckets()["Buckets"]].count("mine") == 1
        assert not (tmp_path / "out").exists()
    finally:
        localcloud.stop("default", workspace.home)
