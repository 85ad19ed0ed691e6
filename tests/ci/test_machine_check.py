"""What the doctor says of this machine: each thing that it looks for, brought about once."""

import shutil
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest

from ci import machine_check
from ci.errors import MissingToolError
from ci.provider_mirror import AWS, VERSION
from ci.workspace import Workspace
from tests.ci.conftest import REPOSITORY

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(root=REPOSITORY, home=tmp_path)


def missing(name: str) -> Any:
    def look(*_: object) -> str:
        raise MissingToolError(thing=name, value="no program of that name", rule="is on PATH", fix="run `make setup`")

    return look


@pytest.mark.parametrize(("tool", "finder"), [("terraform", "find_terraform"), ("node", "need_node")])
def test_a_tool_that_is_missing(tool: str, finder: str, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_check, finder, missing(tool))
    found = next(one for one in machine_check.check_machine(workspace) if one.check == tool)
    assert (found.state, found.fix) == ("fail", "run `make setup`")


@pytest.mark.parametrize(
    ("script", "state", "told"),
    [
        ("exit 1", "fail", " does not run"),
        ("echo hello", "fail", " does not run"),
        ("echo v20.8.1", "fail", ": the toolkit wants 20.9 or newer"),
        ("echo v18.20.4", "fail", ": the toolkit wants 20.9 or newer"),
        ("echo v20.9.0", "ok", ""),
        ("echo v100.0.0", "ok", ""),
    ],
)
def test_a_node_that_does_not_run_or_is_too_old(
    script: str, state: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = tmp_path / "node"
    node.write_text(f"#!/bin/sh\n{script}\n")
    node.chmod(0o755)
    monkeypatch.setattr(machine_check, "need_node", lambda: node)
    found = machine_check._node()
    assert (found.check, found.state, found.told.partition(str(node))[2]) == ("node", state, told)
    assert ("put Node.js 20.9 or newer first on PATH" in str(found.fix)) == (state == "fail")


def test_a_mirror_that_lacks_the_provider_and_none_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without = Workspace(root=REPOSITORY, home=tmp_path, provider_mirror=tmp_path)
    assert machine_check._provider(without, "linux_amd64").state == "fail"
    monkeypatch.setattr(machine_check, "find_mirror", lambda *_: None)
    found = machine_check._provider(without, "linux_amd64")
    assert (found.state, "public registry" in found.told) == ("warn", True)
    # Of another machine's run, in a folder that both share.
    (without.plugins / AWS / VERSION / "darwin_arm64").mkdir(parents=True)
    assert machine_check._provider(without, "linux_amd64").state == "warn"
    assert machine_check._provider(without, "darwin_arm64").state == "ok"


@pytest.mark.parametrize(
    ("holds", "state"),
    [
        ("5.99.0/linux_amd64", "fail"),
        (f"{VERSION}/darwin_arm64", "fail"),
        (f"terraform-provider-aws_{VERSION}_linux_arm64.zip", "fail"),
        (f"{VERSION}/linux_amd64", "ok"),
        (f"terraform-provider-aws_{VERSION}_linux_amd64.zip", "ok"),
    ],
)
def test_a_mirror_must_hold_the_version_for_the_platform(tmp_path: Path, holds: str, state: str) -> None:
    (tmp_path / AWS / holds).mkdir(parents=True)
    of_mirror = Workspace(root=REPOSITORY, home=tmp_path, provider_mirror=tmp_path)
    found = machine_check._provider(of_mirror, "linux_amd64")
    assert (found.state, VERSION in found.told) == (state, True)
    assert (f"terraform providers mirror -platform=linux_amd64 {tmp_path}" in str(found.fix)) == (state == "fail")


@pytest.mark.parametrize(("free_gib", "state"), [(1, "fail"), (3, "warn"), (9, "ok")])
def test_a_disk_that_is_full(free_gib: int, state: str, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, free_gib * 2**30))
    assert machine_check._disk(workspace).state == state


def test_ports_that_cannot_be_opened() -> None:
    assert machine_check.check_ports().state == "ok"
    # An address for documentation, which no machine has (RFC 5737).
    found = machine_check.check_ports("192.0.2.1")
    assert (found.state, found.check) == ("fail", "ports")
