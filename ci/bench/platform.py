"""A fresh embedded cloud for one measurement."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ci import embedded_cloud
from ci.site import Site
from ci.workspace import Workspace
from infra.spec import Environment


@contextmanager
def fresh_site(environment: Environment | None = None) -> Iterator[Site]:
    """Start an empty cloud with a home of its own, yield the environment (`local`) on it, and stop it."""
    import environments

    with tempfile.TemporaryDirectory(prefix="groundplan-bench-") as folder:
        workspace = Workspace(home=Path(folder))
        record = embedded_cloud.start("default", workspace)
        try:
            yield Site.of(environment or environments.load("local"), workspace)
        finally:
            embedded_cloud.stop(record.name, workspace)
