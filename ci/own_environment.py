"""Virtual environments for tools whose pins would clash with ours: one for each lock file, made when first needed."""

import fcntl
import hashlib
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from ci.errors import MissingToolError
from ci.workspace import Workspace


def python_of(workspace: Workspace, lock: str, tool: str, *, sees_ours: bool = False) -> Path:
    """Return the Python of an environment with what `lock` names; `sees_ours` lets it import our packages too."""
    file = workspace.root / lock
    version = hashlib.sha256(file.read_bytes()).hexdigest()[:12]
    folder = workspace.cache / f"{tool}-{version}"
    workspace.cache.mkdir(parents=True, exist_ok=True)
    with (workspace.cache / f"{tool}.lock").open("w") as held:
        # Who comes while another makes it waits for that one.
        fcntl.flock(held, fcntl.LOCK_EX)
        if not (folder / "ready").exists():
            _make(folder, file, tool)
        if sees_ours:
            # Each time, for it may be shared by checkouts whose own environments come and go.
            (packages,) = folder.glob("lib/python*/site-packages")
            (packages / "ours.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin" / "python"


def _make(folder: Path, lock: Path, tool: str) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    _run(tool, lock.name, sys.executable, "-m", "venv", "--without-pip", str(folder))
    install = ("install", "--quiet", "--no-compile", "--no-deps", "--requirement", str(lock))
    _run(tool, lock.name, sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), *install)
    (folder / "ready").touch()


def _run(tool: str, lock: str, *command: str) -> None:
    answer = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if answer.returncode:
        said = (answer.stderr or answer.stdout).strip().splitlines()
        raise MissingToolError(
            thing=tool,
            value=said[-1] if said else " ".join(command),
            rule="could not be installed",
            fix=f"check the network, or that a package index has what {lock} names",
        )
