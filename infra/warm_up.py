"""``python -m infra.warm_up``: fill jsii's cache once, at set-up.

jsii indexes the 120 MB description of the AWS provider in a worker thread that dies with its process. A synth is faster
than the worker, so without this no synth would ever see the index, and each would read all of it: 3 s and 1 GB.
"""

import importlib
import sys
import time
from importlib.metadata import version
from pathlib import Path

from infra.bindings import PROVIDER
from infra.spec.errors import ToolkitError

_TIMEOUT_SECONDS = 180


def cache_root(home: Path) -> Path:
    """Return where jsii keeps its packages unless JSII_RUNTIME_PACKAGE_CACHE_ROOT says otherwise."""
    cache = "Library/Caches/com.amazonaws.jsii" if sys.platform == "darwin" else ".cache/aws/jsii"
    return home / cache / "package-cache"


def warm_up(root: Path, timeout_seconds: float = _TIMEOUT_SECONDS) -> Path:
    """Load the provider and stay until its index lies in the cache at `root`; return the index."""
    importlib.import_module(f"{PROVIDER}._jsii")
    package = root / "@cdktf" / "provider-aws" / version("cdktf-cdktf-provider-aws")
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        # Written last, when the index is whole.
        if found := next(package.glob("*/.jsii.runtime.v1.json"), None):
            return found
        time.sleep(0.1)
    raise ToolkitError(
        thing="jsii's cache",
        value=str(package),
        rule=f"has no index after {timeout_seconds:.0f} s",
        fix="remove the folder and try again, or name the cache: python -m infra.warm_up FOLDER",
    )


if __name__ == "__main__":
    warm_up(Path(sys.argv[1]) if len(sys.argv) > 1 else cache_root(Path.home()))
