"""Moves files between this machine and the environment's buckets."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ci.site import Site
from ml.release.archive import unpack

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def fetch_archive(site: Site, uri: str, into: Path, *, region: str | None = None) -> Path:
    """Download the model.tar.gz at `uri` and unpack it into the folder `into`, unless that was done before."""
    if into.exists():
        return into
    s3: S3Client = site.client("s3", region)
    address = urlsplit(uri)
    into.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=into.parent) as scratch:
        archive, content = Path(scratch) / "archive.tar.gz", Path(scratch) / "content"
        s3.download_file(address.netloc, address.path.lstrip("/"), str(archive))
        unpack(archive, content)
        content.rename(into)
    return into


def is_there(site: Site, uri: str) -> bool:
    """Say whether there is a file at an S3 address."""
    address = urlsplit(uri)
    s3: S3Client = site.client("s3")
    return bool(s3.list_objects_v2(Bucket=address.netloc, Prefix=address.path.lstrip("/"))["KeyCount"])


def upload_folder(site: Site, folder: Path, bucket: str, prefix: str, *, last: str) -> str:
    """Upload the files of `folder`, unless the one named `last` is there: it is put when all others are.

    `prefix` must name the content, so that what is there need not be compared. Returns the S3 address of the folder.
    """
    s3: S3Client = site.client("s3")
    uri = f"s3://{bucket}/{prefix}/"
    if s3.list_objects_v2(Bucket=bucket, Prefix=f"{prefix}/{last}").get("KeyCount"):
        return uri
    files = sorted(folder.iterdir(), key=lambda file: file.name == last)
    for file in files:
        s3.upload_file(str(file), bucket, f"{prefix}/{file.name}")
    return uri
