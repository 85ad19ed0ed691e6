"""A run's state as one S3 object, which nobody can overwrite without having read it."""

from typing import TYPE_CHECKING

from ci.recovery.state import RunState
from ci.s3_record import S3Record

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class S3Store(S3Record[RunState]):
    """`runs/<run>/state.json`."""

    def __init__(self, s3: "S3Client", bucket: str, run: str, place: str = "sagemaker") -> None:
        super().__init__(s3, bucket, f"runs/{run}/state.json", RunState)
        self._place = place

    def read(self) -> tuple[RunState, str]:
        """Return the state and its version; an empty one before the first attempt."""
        state, version = self.find()
        return state or RunState(place=self._place), version
