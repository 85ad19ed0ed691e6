"""S3 delete markers that can be deleted: moto asks each version of a key to free its content, and markers have none."""

from typing import Any

from moto.s3.models import FakeDeleteMarker


def _dispose(_marker: Any, garbage: bool = False) -> None:
    """There is nothing to free."""


FakeDeleteMarker.dispose = _dispose
