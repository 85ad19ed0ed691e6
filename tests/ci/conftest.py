"""A checkout whose stacks take a second instead of minutes, on a real embedded cloud."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ci import embedded_cloud
from ci.site import Site
from ci.state import StateStore
from ci.workspace import Workspace
from infra.localcloud import CloudRecord

HERE = Path(__file__).parent
REPOSITORY = HERE.parent.parent


@dataclass(frozen=True)
class Tiny:
    """A checkout with an app.py of four tiny stacks: first → second → third, and aside."""

    workspace: Workspace

    def runs(self, **commands: object) -> None:
        """Let a stack's second resource run a shell command when it is made; `wants` gives first ones other inputs."""
        (self.workspace.root / "plan.json").write_text(json.dumps(commands))

    def site(self) -> Site:
        """The environment `local`, which this checkout's stacks stand for."""
        return Site.reach("local", self.workspace)

    def start(self, *words: str, path: str | None = None) -> subprocess.Popen[str]:
        """Start the command in a process of its own, with nothing but a PATH in its environment."""
        return subprocess.Popen(
            [sys.executable, str(HERE / "tiny" / "command.py"), *map(str, self._folders()), *words],
            cwd=REPOSITORY,
            env={"PATH": path or os.environ["PATH"], "PYTHONPATH": str(REPOSITORY), "HOME": str(self.workspace.home)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str, path: str | None = None, seconds: float = 240) -> subprocess.CompletedProcess[str]:
        """Run the command to its end."""
        process = self.start(*words, path=path)
        out, err = process.communicate(timeout=seconds)
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    def program(self) -> tuple[str, ...]:
        """Return what a rehearsed workflow calls by the command's name."""
        command = (sys.executable, str(HERE / "tiny" / "command.py"), str(self.workspace.root), "-")
        return ("env", f"PYTHONPATH={REPOSITORY}", *command)

    def _folders(self) -> tuple[Path, Path]:
        return self.workspace.root, self.workspace.home


@pytest.fixture(scope="module")
def cloud_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, CloudRecord]]:
    """Where the embedded cloud that the tests of a file share has its record."""
    home = tmp_path_factory.mktemp("home")
    workspace = Workspace(root=REPOSITORY, home=home)
    yield home, embedded_cloud.start("default", workspace)
    embedded_cloud.stop("default", workspace)


@pytest.fixture
def tiny(cloud_home: tuple[Path, CloudRecord], tmp_path: Path) -> Iterator[Tiny]:
    """A fresh tiny checkout; what it left on the shared cloud is removed afterwards."""
    shared, _ = cloud_home
    root, home = tmp_path / "root", tmp_path / "home"
    home.mkdir()
    (home / "clouds").symlink_to(shared / "clouds")
    shutil.copytree(HERE / "tiny", root)
    checkout = Tiny(Workspace(root=root, home=home))
    checkout.runs()
    yield checkout
    StateStore(checkout.site()).remove_bucket()
