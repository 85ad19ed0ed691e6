"""What set-up makes whole."""

import subprocess
import sys
import venv
from importlib.metadata import Distribution
from pathlib import Path

import packaging
import pytest

from ci import set_up
from ci.child_environment import child_environment
from ci.workspace import ROOT

METADATA = """Metadata-Version: 2.4
Name: torch
Version: 2.13.0
Requires-Dist: PyYAML
Requires-Dist: typing-extensions>=4.10
Requires-Dist: no-such-cudnn==9.1; platform_system != "Nowhere"
Requires-Dist: no-such-toolkit[cublas]==13.0.3
Requires-Dist: no-such-windows; platform_system == "Nowhere"
Requires-Dist: no-such-extra; extra == "more"
"""


def test_what_a_build_asks_for_and_nobody_installed_is_found(tmp_path: Path) -> None:
    """The build for CUDA names libraries that the lock leaves out; what is here or for elsewhere is not asked for."""
    (tmp_path / "METADATA").write_text(METADATA)
    assert set_up.unmet(Distribution.at(tmp_path)) == [
        'no-such-cudnn==9.1; platform_system != "Nowhere"',
        "no-such-toolkit[cublas]==13.0.3",
    ]


def test_torch_here_is_whole() -> None:
    assert set_up.torch() == "whole"


@pytest.mark.slow
def test_where_python_is_all_there_is_node_and_terraform_come_from_packages(tmp_path: Path) -> None:
    """A PATH with nothing on it; the shared library behind `terraform` plans and applies as Terraform does."""
    known = f"packaging=={packaging.__version__}"
    asked = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", tmp_path, known]
    if subprocess.run(asked, capture_output=True, check=False).returncode:
        pytest.skip("no package index can be reached, not even for what is installed")
    venv.create(tmp_path / "venv", with_pip=True, symlinks=True)
    (tmp_path / "imported").mkdir()
    (tmp_path / "imported" / "packaging").symlink_to(Path(packaging.__file__).parent)
    programs = tmp_path / "venv" / "bin"
    env = child_environment({"PATH": str(tmp_path / "nothing"), "PYTHONPATH": f"{ROOT}:{tmp_path / 'imported'}"})
    done = "from ci import set_up; print(set_up.node(), set_up.terraform(), set_up.terraform(), sep='; ')"

    def run(*words: str | Path) -> str:
        return subprocess.run(words, env=env, cwd=tmp_path, check=True, capture_output=True, text=True).stdout

    installed = f"installed {set_up.NODE_PACKAGE}; installed {set_up.TERRAFORM_PACKAGE}; found"
    assert run(programs / "python", "-c", done).strip() == installed
    assert run(programs / "node", "-p", "process.versions.node").startswith("22.")
    (tmp_path / "main.tf").write_text(
        'resource "terraform_data" "x" { input = "made" }\noutput "x" {\n  value = terraform_data.x.output\n}\n'
    )
    run(programs / "terraform", "init", "-no-color")
    run(programs / "terraform", "apply", "-auto-approve", "-no-color")
    assert run(programs / "terraform", "output", "-raw", "x") == "made"
