"""A fresh embedded cloud for one measurement."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ci import embedded_cloud
from ci.site import Site
from ci.workspace import Workspace


@contextmanager
def fresh_site(environment: str = "local") -> Iterator[Site]:
    """Start an empty cloud with a home of its own, yield the environment on it, and stop it."""
    with tempfile.TemporaryDirectory(prefix="groundplan-bench-") as folder:
        workspace = Workspace(home=Path(folder))
        record = embedded_cloud.start("default", workspace)
        try:
            yield Site.reach(environment, workspace)
        finally:
            embedded_cloud.stop(record.name, workspace)
