"""A folder in S3, and files between it and this machine."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ml.errors import DataError, InputError

ATTEMPTS = 8


class S3Folder:
    """`s3://bucket/some/prefix`; names are relative to it."""

    def __init__(self, uri: str) -> None:
        import boto3
        from botocore.config import Config

        address = urlsplit(uri)
        if address.scheme != "s3" or not address.netloc:
            raise InputError("folder", repr(uri), "is no address in S3", "give s3://BUCKET/PREFIX")
        self.uri, self._bucket, self._prefix = uri, address.netloc, address.path.strip("/") + "/"
        retries: Any = {"mode": "standard", "total_max_attempts": ATTEMPTS}
        self._client = boto3.client("s3", config=Config(retries=retries))

    def names(self) -> Iterator[str]:
        """Yield the names of all files below the folder."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._prefix)
        for page in pages:
            for found in page.get("Contents", ()):
                yield found["Key"].removeprefix(self._prefix)

    def download(self, folder: Path, names: Iterable[str]) -> None:
        """Write these files below `folder`."""
        for name in names:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            self._client.download_file(self._bucket, self._prefix + name, str(path))

    def download_all(self, folder: Path) -> None:
        """Write all files below `folder`; raise when there is none."""
        names = sorted(self.names())
        if not names:
            raise DataError("folder", self.uri, "holds no file", "upload the data first, or mend the address")
        self.download(folder, names)

    def upload(self, path: Path, name: str) -> None:
        """Put a file there."""
        self._client.upload_file(str(path), self._bucket, self._prefix + name)
