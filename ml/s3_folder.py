"""A folder in S3, and files between it and this machine, with patience for a service that is busy."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ml.errors import DataError, InputError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# The SDK waits longer each time, up to 20 s, at random so that a fleet does not come back all at once.
ATTEMPTS = 8
# Of answers that broke off or were damaged on the way: the SDK repeats requests, not half-read bodies.
BROKEN_ANSWERS = 4
CONNECTIONS = 16


class S3Folder:
    """`s3://bucket/some/prefix`; names are relative to it, and errors (`DataError`) name the file."""

    def __init__(self, uri: str) -> None:
        address = urlsplit(uri)
        if address.scheme != "s3" or not address.netloc:
            raise InputError("folder", repr(uri), "is no S3 address", "write s3://bucket/folder/")
        self.uri, self._bucket, self._prefix = uri.rstrip("/"), address.netloc, address.path.strip("/") + "/"
        self._client = client()

    def sizes(self) -> dict[str, int]:
        """Return the bytes of each file below the folder, by name."""
        found: dict[str, int] = {}
        with _told(f"folder {self.uri}"):
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._prefix)
            for page in pages:
                found |= {one["Key"].removeprefix(self._prefix): one["Size"] for one in page.get("Contents", ())}
        return found

    def read(self, name: str) -> bytes:
        """Return a file's bytes."""
        from botocore import exceptions as aws

        broken = (aws.IncompleteReadError, aws.ReadTimeoutError, aws.ResponseStreamingError, aws.FlexibleChecksumError)
        with _told(f"file {name!r} of {self.uri}"):
            for left in reversed(range(BROKEN_ANSWERS)):
                try:
                    content: bytes = self._client.get_object(Bucket=self._bucket, Key=self._prefix + name)[
                        "Body"
                    ].read()
                    return content
                except broken:
                    if not left:
                        raise
        raise AssertionError("the last attempt returns or raises")

    def download_all(self, folder: Path) -> None:
        """Write all files below `folder`; raise when there is none."""
        names = sorted(self.sizes())
        if not names:
            raise DataError("folder", self.uri, "holds no file", "upload the data first, or mend the address")
        for name in names:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with _told(f"file {name!r} of {self.uri}"):
                self._client.download_file(self._bucket, self._prefix + name, str(path))

    def write(self, name: str, content: bytes) -> None:
        """Put a file of these bytes there."""
        with _told(f"file {name!r} of {self.uri}"):
            self._client.put_object(Bucket=self._bucket, Key=self._prefix + name, Body=content)

    def upload(self, path: Path, name: str) -> None:
        """Put a file there."""
        with _told(f"file {name!r} of {self.uri}"):
            self._client.upload_file(str(path), self._bucket, self._prefix + name)


def client() -> "S3Client":
    """Return a client that outlasts 500s and throttling."""
    import boto3
    from botocore.config import Config

    retries: Any = {"mode": "standard", "total_max_attempts": ATTEMPTS}
    return boto3.client("s3", config=Config(retries=retries, max_pool_connections=CONNECTIONS))


@contextmanager
def _told(thing: str) -> Iterator[None]:
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (Boto3Error, BotoCoreError, ClientError) as error:
        raise DataError(thing, str(error), "is all that S3 answers", _fix(error)) from error


def _fix(error: Exception) -> str:
    # An upload's error says what S3 answered only in the one that it was made of.
    answer = getattr(error, "response", None) or getattr(error.__context__, "response", {})
    code = answer.get("Error", {}).get("Code")
    if code in ("NoSuchKey", "NoSuchBucket", "404"):
        return "put it back, or prepare and upload the data set again"
    if code in ("AccessDenied", "403"):
        rights = "s3:GetObject, s3:ListBucket, s3:PutObject, kms:Decrypt, kms:GenerateDataKey"
        return f"let the job's role read and write it ({rights})"
    return "start the job again: it goes on from its checkpoint, and what is in the cache stays there"
