"""A run's state as one S3 object, which nobody can overwrite without having read it."""

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from ci.recovery.keeper import ChangedError
from ci.recovery.state import RunState

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# S3 answers so when the object is not, or not any more, the one that the request names.
CHANGED = {"PreconditionFailed", "ConditionalRequestConflict"}


class S3Store:
    """`runs/<run>/state.json`; the version of a state is the object's ETag, and empty before the first."""

    def __init__(self, s3: "S3Client", bucket: str, run: str, place: str = "sagemaker") -> None:
        self._s3, self._bucket, self._key, self._place = s3, bucket, f"runs/{run}/state.json", place

    @property
    def uri(self) -> str:
        """Its address."""
        return f"s3://{self._bucket}/{self._key}"

    def read(self) -> tuple[RunState, str]:
        """Return the state and its version."""
        try:
            found = self._s3.get_object(Bucket=self._bucket, Key=self._key)
        except self._s3.exceptions.NoSuchKey:
            return RunState(place=self._place), ""
        return RunState.model_validate_json(found["Body"].read()), found["ETag"]

    def write(self, state: RunState, version: str) -> None:
        """Replace the state that was read as `version`; raise `ChangedError` if somebody else did."""
        body = state.model_dump_json(indent=2).encode()
        try:
            if version:
                self._s3.put_object(Bucket=self._bucket, Key=self._key, Body=body, IfMatch=version)
            else:
                self._s3.put_object(Bucket=self._bucket, Key=self._key, Body=body, IfNoneMatch="*")
        except ClientError as error:
            if error.response["Error"]["Code"] in CHANGED:
                raise ChangedError from error
            raise
