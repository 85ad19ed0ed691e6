"""An app whose stacks are only looked at."""

import tempfile
from functools import cache

import cdktf


def unwritten_app() -> cdktf.App:
    """Return an app for tests that write no file; left to itself, the toolkit makes a folder for each and keeps it."""
    return cdktf.Testing.app(outdir=_folder().name)


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """Make the folder for the empty ones of all stacks; it ends with this process."""
    return tempfile.TemporaryDirectory(prefix="groundplan-tests-")
