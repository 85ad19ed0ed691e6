"""Lets a cloud start in half of the time: moto and the gateway ask new sessions of botocore for the regions of EC2."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.loaders import JSONFileLoader


@contextmanager
def parsed_once() -> Iterator[None]:
    """Let all sessions share what one has read of botocore's files, each of which would parse 11 MB of EC2 again."""
    load, kept = JSONFileLoader.load_file, dict[str, Any]()

    def load_once(self: JSONFileLoader, file_path: str) -> Any:
        if file_path not in kept:
            kept[file_path] = load(self, file_path)
        return kept[file_path]

    JSONFileLoader.load_file = load_once  # type: ignore[method-assign]
    try:
        yield
    finally:
        JSONFileLoader.load_file = load  # type: ignore[method-assign]
