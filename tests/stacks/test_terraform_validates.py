"""The real Terraform, with the real provider's schema, takes what we write: every stack of every environment.

All stacks are modules of one root, so that one provider process reads its schema once for all of them: 20 seconds where
a process for each stack takes minutes.
"""

import copy
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ci.child_environment import child_environment
from ci.provider_mirror import write_configuration
from ci.tools import find_terraform
from ci.workspace import Workspace

pytestmark = pytest.mark.terraform
Stacks = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def variables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    workspace = Workspace(home=tmp_path_factory.mktemp("workspace"))
    return child_environment({"TF_CLI_CONFIG_FILE": str(write_configuration(workspace))})


def as_module(document: dict[str, Any]) -> dict[str, Any]:
    """A stack without what only a root may have: its backend, and its provider unless it has several."""
    module = copy.deepcopy(document)
    module["terraform"].pop("backend")
    if len(module["provider"]["aws"]) == 1:
        del module["provider"]
    return module


def validate(folder: Path, variables: dict[str, str]) -> list[dict[str, Any]]:
    """Run `terraform init` and `validate` and return all findings, warnings too."""
    terraform = [str(find_terraform()), f"-chdir={folder}"]
    subprocess.run([*terraform, "init", "-backend=false"], env=variables, check=True, capture_output=True)
    answer = subprocess.run([*terraform, "validate", "-json"], env=variables, check=False, capture_output=True)
    found: list[dict[str, Any]] = json.loads(answer.stdout)["diagnostics"]
    return found


def as_one_root(stacks: Stacks, folder: Path) -> Path:
    """Write a root below `folder` that has these stacks for modules."""
    first = next(iter(stacks.values()))
    root: dict[str, Any] = {"terraform": dict(first["terraform"]), "provider": first["provider"], "module": {}}
    root["terraform"].pop("backend")
    for id, document in stacks.items():
        (folder / id).mkdir()
        (folder / id / "cdk.tf.json").write_text(json.dumps(as_module(document)))
        root["module"][id] = {"source": f"./{id}"}
    (folder / "main.tf.json").write_text(json.dumps(root))
    return folder


def test_terraform_takes_every_stack_of_every_environment(
    all_stacks: Stacks, tmp_path: Path, variables: dict[str, str], record_property: Callable[[str, object], None]
) -> None:
    assert validate(as_one_root(all_stacks, tmp_path), variables) == []
    record_property("figure", f"{len(all_stacks)} stacks are valid")


def test_a_stack_as_it_stands_is_valid_with_backend_and_provider(outdir: Path, variables: dict[str, str]) -> None:
    for stack in ("prod-us-east-1-network", "local-us-east-1-network"):
        assert validate(outdir / "stacks" / stack, variables) == []


def test_the_check_finds_in_a_module_what_only_the_provider_knows(
    stacks: Stacks, tmp_path: Path, variables: dict[str, str]
) -> None:
    wrong = copy.deepcopy(stacks["local-us-east-1-network"])
    (vpc,) = wrong["resource"]["aws_vpc"].values()
    vpc["instance_tenancy"] = "shared"
    (found,) = validate(as_one_root({"wrong": wrong}, tmp_path), variables)
    assert found["summary"].startswith("expected instance_tenancy to be one of")
