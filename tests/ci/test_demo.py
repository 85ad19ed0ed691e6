"""The demo proves that nothing is left, so it wants nothing to be there; whole it is run by test_readme_blocks.py."""

from pathlib import Path

import pytest

from ci.demo import demo
from ci.errors import CommandError
from ci.site import Site
from ci.workspace import Workspace
from infra import localcloud


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
