"""Folders of a container to and from S3: input channels, checkpoints, archives."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

# Before 3.11.4, which some distributions still have, the standard library unpacks without looking.
from backports import tarfile


@dataclass(frozen=True)
class S3Uri:
    """`s3://bucket/key`; the key may be a prefix or empty."""

    bucket: str
    key: str

    @classmethod
    def parse(cls, text: str) -> "S3Uri":
        """Raises ValueError for anything that is no S3 URI."""
        scheme, _, rest = text.partition("://")
        bucket, _, key = rest.partition("/")
        if scheme != "s3" or not bucket:
            raise ValueError(f"{text!r} is no S3 URI; write s3://bucket/prefix")
        return cls(bucket, key)

    def __truediv__(self, name: str) -> "S3Uri":
        return S3Uri(self.bucket, "/".join(part for part in (self.key.rstrip("/"), name) if part))

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


def keys_under(s3: Any, uri: S3Uri) -> Iterator[str]:
    """Every key that begins with the prefix, folders' markers left out. A missing bucket holds nothing."""
    from botocore.exceptions import ClientError

    try:
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=uri.bucket, Prefix=uri.key):
            yield from (entry["Key"] for entry in page.get("Contents", ()) if not entry["Key"].endswith("/"))
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("NoSuchBucket", "AccessDenied"):
            raise


def name_below(prefix: str, key: str) -> str:
    """The file name that SageMaker gives a key of an S3Prefix channel: relative to the folder that the prefix names."""
    if key == prefix:
        return key.rsplit("/", 1)[-1]
    if prefix.endswith("/") or key.startswith(f"{prefix}/"):
        return key[len(prefix) :].lstrip("/")
    return key[len(prefix.rpartition("/")[0]) :].lstrip("/")


def keys_in_manifest(s3: Any, uri: S3Uri) -> Iterator[tuple[S3Uri, str]]:
    """(object, file name) of a ManifestFile: `[{"prefix": "s3://…/"}, "name", …]`."""
    entries = json.loads(s3.get_object(Bucket=uri.bucket, Key=uri.key)["Body"].read())
    prefix = entries[0]["prefix"]
    yield from ((S3Uri.parse(prefix + name), name) for name in entries[1:])


def download(s3: Any, source: S3Uri, folder: Path, name: str) -> None:
    """One object into `folder`. Raises ValueError for a key that would land outside of it."""
    target = (folder / name).resolve()
    if not target.is_relative_to(folder.resolve()):
        raise ValueError(f"{source} would be written outside its channel; rename the object")
    target.parent.mkdir(parents=True, exist_ok=True)
    s3.download_file(source.bucket, source.key, str(target), Config=_in_one_piece())


def download_prefix(s3: Any, uri: S3Uri, folder: Path) -> int:
    """Every object under the prefix into `folder`; return how many there were."""
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for key in keys_under(s3, uri):
        download(s3, S3Uri(uri.bucket, key), folder, name_below(uri.key, key))
        count += 1
    return count


def upload(s3: Any, file: Path, target: S3Uri, kms_key: str | None = None) -> None:
    """One file, encrypted with the request's key where it names one."""
    encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key} if kms_key else {}
    s3.upload_file(str(file), target.bucket, target.key, ExtraArgs=encryption, Config=_in_one_piece())


def _in_one_piece() -> Any:
    """Transfer settings: moto reads the whole object for each part of it that is asked for."""
    from boto3.s3.transfer import TransferConfig

    return TransferConfig(multipart_threshold=2**32, use_threads=False)


def files_in(folder: Path) -> list[Path]:
    """Every file below, sorted; none where the folder is missing."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def pack(folder: Path, archive: Path) -> None:
    """What lies in `folder` as a tar.gz whose root is the folder itself."""
    # Weights hardly shrink, so the fastest level costs a third of the time and next to no size.
    with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
        for path in sorted(folder.iterdir()):
            tar.add(path, arcname=path.name)


def unpack(archive: IO[bytes], folder: Path) -> None:
    """The content of a tar.gz, read as it arrives, whole or not at all; entries that point outside are refused."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".unpack-"))
    try:
        with tarfile.open(fileobj=archive, mode="r|gz") as tar:
            tar.extractall(draft, filter="data")
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


class CheckpointFolder:
    """A checkpoint folder and its place in S3: restored at the start, then kept in step while the job writes."""

    IN_PROGRESS = (".sagemaker-uploading", ".sagemaker-uploaded", ".tmp")

    def __init__(self, s3: Any, folder: Path, uri: S3Uri) -> None:
        self._s3 = s3
        self._folder = folder
        self._uri = uri
        self._uploaded: dict[str, tuple[int, int]] = {}
        self._seen: dict[str, tuple[int, int]] = {}

    def restore(self) -> int:
        """What an earlier job left; return how many files."""
        prefix = S3Uri(self._uri.bucket, self._uri.key.rstrip("/") + "/" if self._uri.key else "")
        count = download_prefix(self._s3, prefix, self._folder)
        self._uploaded = self._state()
        return count

    def sync(self, *, everything: bool = False) -> int:
        """Upload what is new; return how many files.

        A file that changed since the last look may still be being written and waits for the next, unless `everything`.
        """
        state = self._state()
        due = {
            name: version
            for name, version in state.items()
            if self._uploaded.get(name) != version and (everything or self._seen.get(name) == version)
        }
        self._seen = state
        for name, version in due.items():
            try:
                upload(self._s3, self._folder / name, self._uri / name)
            except FileNotFoundError:
                continue  # The job replaced or removed it meanwhile.
            self._uploaded[name] = version
        return len(due)

    def _state(self) -> dict[str, tuple[int, int]]:
        state = {}
        for path in files_in(self._folder):
            try:
                facts = path.stat()
            except FileNotFoundError:
                continue
            if not path.name.endswith(self.IN_PROGRESS):
                state[path.relative_to(self._folder).as_posix()] = (facts.st_mtime_ns, facts.st_size)
        return state
