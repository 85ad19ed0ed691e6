"""How a stack is made ready: providers' checksums are learned once; who reads them again depends on what they guard."""

from pathlib import Path

import pytest

import environments
from ci.aftermath import Aftermath
from ci.manifest import Stack
from ci.progress import QUIET
from ci.site import Site
from ci.stack_progress import StackProgress
from ci.stack_runner import LOCK_FILE, StackRunner
from ci.state import StateStore
from ci.terraform import Terraform
from ci.workspace import Workspace

LEARNED = """provider "registry.terraform.io/hashicorp/aws" {
  version     = "5.100.0"
  constraints = "5.100.0"
  hashes = [
    "h1:edXOJWE4ORX8Fm+dpVpICzMZJat4AX0VRCAy/xkcOc0=",
    "zh:0a9f",
  ]
}

provider "registry.terraform.io/hashicorp/archive" {
  version = "2.7.0"
  hashes = ["h1:one", "h1:two"]
}
"""
UNCHECKED = """provider "registry.terraform.io/hashicorp/aws" {
  version     = "5.100.0"
  constraints = "5.100.0"
}

provider "registry.terraform.io/hashicorp/archive" {
  version = "2.7.0"
}
"""
# What `init` finds in a stack's folder is kept beside the stacks; then it writes what it learned, as Terraform does.
INIT = """#!/bin/sh
cd "${1#-chdir=}" && mkdir .terraform && cat .terraform.lock.hcl >../"${PWD##*/}.found"
cp ../learned .terraform.lock.hcl
"""


@pytest.mark.parametrize("embedded", [False, True])
def test_each_init_checks_the_providers_and_on_an_embedded_cloud_only_init_does(embedded: bool, tmp_path: Path) -> None:
    (tmp_path / "learned").write_text(LEARNED)
    (tmp_path / "terraform.rc").touch()
    program = tmp_path / "terraform"
    program.write_text(INIT)
    program.chmod(0o755)
    terraform = Terraform(program, {"TF_CLI_CONFIG_FILE": str(tmp_path / "terraform.rc")}, tmp_path / "events")
    site = Site(environments.load("local"), Workspace(home=tmp_path), "http://127.0.0.1:9")
    aftermath = Aftermath(site, StateStore(site), tmp_path, print)
    runner = StackRunner(terraform, aftermath, tmp_path, QUIET, embedded=embedded)
    left = {}
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "cdk.tf.json").write_text("{}")
        assert runner.prepare(Stack(name, tmp_path / name, frozenset()), StackProgress(name))
        left[name] = (tmp_path / name / LOCK_FILE).read_text()
    assert (tmp_path / "second.found").read_text() == LEARNED, "the second stack takes what the first one learned"
    assert left == dict.fromkeys(("first", "second"), UNCHECKED if embedded else LEARNED)
