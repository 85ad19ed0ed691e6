"""A data set's folder in S3: what lies there, and each file's bytes, with patience for a service that is busy."""

from typing import Any
from urllib.parse import urlsplit

from ml.errors import DataError, InputError

# The SDK waits longer each time, up to 20 s, at random so that a fleet does not come back all at once.
ATTEMPTS = 8
# Of answers that broke off or were damaged on the way: the SDK repeats requests, not half-read bodies.
BROKEN_ANSWERS = 4
CONNECTIONS = 16


class S3Folder:
    """`s3://bucket/prefix/`; errors name the file."""

    def __init__(self, uri: str) -> None:
        parts = urlsplit(uri)
        if parts.scheme != "s3" or not parts.netloc:
            raise InputError("hyperparameter 'data'", repr(uri), "is no S3 address", "write s3://bucket/folder/")
        self.uri, self._bucket, self._prefix = uri.rstrip("/"), parts.netloc, parts.path.strip("/")
        self._client = _client()

    def sizes(self) -> dict[str, int]:
        """Return the bytes of each file in the folder, by name."""
        from botocore.exceptions import BotoCoreError, ClientError

        found: dict[str, int] = {}
        try:
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=f"{self._prefix}/"
            )
            for page in pages:
                found |= {one["Key"][len(self._prefix) + 1 :]: one["Size"] for one in page.get("Contents", ())}
        except (BotoCoreError, ClientError) as error:
            raise DataError(f"data set {self.uri}", str(error), "is all that S3 answers", _fix(error)) from error
        return found

    def read(self, name: str) -> bytes:
        """Return a file's bytes."""
        from botocore import exceptions as aws

        broken = (aws.IncompleteReadError, aws.ReadTimeoutError, aws.ResponseStreamingError, aws.FlexibleChecksumError)
        for left in reversed(range(BROKEN_ANSWERS)):
            try:
                answer = self._client.get_object(Bucket=self._bucket, Key=f"{self._prefix}/{name}")
                content: bytes = answer["Body"].read()
                return content
            except (aws.BotoCoreError, aws.ClientError) as error:
                if isinstance(error, broken) and left:
                    continue
                raise DataError(
                    f"shard {name!r} of {self.uri}", str(error), "is all that S3 answers", _fix(error)
                ) from error
        raise AssertionError("the last attempt returns or raises")


def _client() -> Any:
    import boto3
    from botocore.config import Config

    retries: Any = {"mode": "standard", "total_max_attempts": ATTEMPTS}
    return boto3.client("s3", config=Config(retries=retries, max_pool_connections=CONNECTIONS))


def _fix(error: Exception) -> str:
    code = getattr(error, "response", {}).get("Error", {}).get("Code")
    if code in ("NoSuchKey", "NoSuchBucket", "404"):
        return "put it back, or prepare and upload the data set again"
    if code in ("AccessDenied", "403"):
        return "let the job's role read it (s3:GetObject, s3:ListBucket, kms:Decrypt)"
    return "start the job again: it goes on from its checkpoint, and what is in the cache stays there"
