"""The real Terraform, with the real provider's schema, takes what we write."""

import json
import subprocess
from pathlib import Path

import pytest

from ci.child_environment import child_environment
from ci.provider_mirror import write_configuration
from ci.tools import find_terraform
from ci.workspace import Workspace

pytestmark = pytest.mark.terraform


@pytest.fixture(scope="module")
def variables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    workspace = Workspace(home=tmp_path_factory.mktemp("workspace"))
    return child_environment({"TF_CLI_CONFIG_FILE": str(write_configuration(workspace))})


@pytest.mark.parametrize(
    "stack", ["prod-us-east-1-network", "prod-us-east-1-pools", "prod-us-east-1-training", "local-us-east-1-serving"]
)
def test_terraform_validates(stack: str, outdir: Path, variables: dict[str, str]) -> None:
    terraform = [str(find_terraform()), f"-chdir={outdir / 'stacks' / stack}"]
    subprocess.run([*terraform, "init", "-backend=false"], env=variables, check=True, capture_output=True)
    answer = subprocess.run([*terraform, "validate", "-json"], env=variables, check=False, capture_output=True)
    assert json.loads(answer.stdout)["diagnostics"] == []
