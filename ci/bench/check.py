"""What the workflow `check` does before its checks: set-up in a fresh clone, with its cache and without.

The checks themselves (`make check`) take the same time after both, and are not run here: CI's log has theirs.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from ci.bench.process import measure
from ci.bench.row import Row, compare
from ci.child_environment import child_environment
from ci.workspace import ROOT

# Below the clone; pip's and jsii's are below HOME. As .github/actions/set-up keeps them.
KEPT = ".cache"


def set_up(clone: Path, home: Path) -> float:
    """Seconds of `make setup` in a fresh clone, with a home folder that holds what earlier runs kept, if anything."""
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    if (home / KEPT / "kept").exists():
        shutil.copytree(home / KEPT / "kept", clone / KEPT)
    python = str(Path(sys.base_prefix) / "bin" / "python3")
    forget = ("PIP_CACHE_DIR", "XDG_CACHE_HOME", "VIRTUAL_ENV", "MAKE")
    env = child_environment({"HOME": str(home), "PATH": os.defpath}, forget=forget)
    seconds = measure(["make", "setup", f"PYTHON={python}"], cwd=clone, env=env).seconds
    shutil.copytree(clone / KEPT, home / KEPT / "kept", dirs_exist_ok=True)
    return seconds


def run() -> dict[str, Row]:
    """Measure it with nothing, and again with what that left in its caches."""
    with tempfile.TemporaryDirectory(prefix="groundplan-bench-") as folder:
        home = Path(folder, "home")
        home.mkdir()
        cold = set_up(Path(folder, "cold"), home)
        cached = set_up(Path(folder, "cached"), home)
    return {"check_set_up": compare(cached, {"the same, nothing cached": cold}, unit="s", bound=1.0)}
