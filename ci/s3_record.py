"""Something that several commands know together: one S3 object, which nobody can overwrite without having read it."""

from typing import TYPE_CHECKING, Generic, TypeVar

from pydantic import BaseModel

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# S3 answers so when the object is not, or not any more, the one that the request names: there is one, or another.
CHANGED = {"PreconditionFailed", "ConditionalRequestConflict"}
Kept = TypeVar("Kept", bound=BaseModel)


class ChangedError(Exception):
    """Somebody else wrote first."""


class S3Record(Generic[Kept]):
    """A value of `kind` at `key`; its version is the object's ETag, and empty before the first."""

    def __init__(self, s3: "S3Client", bucket: str, key: str, kind: type[Kept]) -> None:
        self._s3, self._bucket, self._key, self._kind = s3, bucket, key, kind

    @property
    def uri(self) -> str:
        """Its address."""
        return f"s3://{self._bucket}/{self._key}"

    def find(self) -> tuple[Kept | None, str]:
        """Return the value and its version."""
        try:
            found = self._s3.get_object(Bucket=self._bucket, Key=self._key)
        except self._s3.exceptions.NoSuchKey:
            return None, ""
        return self._kind.model_validate_json(found["Body"].read()), found["ETag"]

    def write(self, value: Kept, version: str) -> str:
        """Replace what was read as `version` and return the new one; raise `ChangedError` if somebody else did."""
        from botocore.exceptions import ClientError

        body = value.model_dump_json(indent=2).encode()
        try:
            if version:
                return self._s3.put_object(Bucket=self._bucket, Key=self._key, Body=body, IfMatch=version)["ETag"]
            return self._s3.put_object(Bucket=self._bucket, Key=self._key, Body=body, IfNoneMatch="*")["ETag"]
        except ClientError as error:
            if error.response["Error"]["Code"] in CHANGED:
                raise ChangedError from error
            raise
