"""Where a run's checkpoints lie besides the machine's disk: nowhere of our own, or in S3.

On SageMaker the platform copies the folder. On Batch or Ray nobody does: there a save has ended only when each machine
has sent its files, their list last, and a restore fetches what the machine lacks. Names are those of `sealed`.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ml import s3_folder
from ml.contract import CHECKPOINTS_VARIABLE
from ml.errors import CheckpointError, InputError
from ml.training.sealed import LISTS, is_sound

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# Of a file that arrived other than it was sent.
FETCHES = 3
FILES_AT_ONCE = 4
MOST_DELETED_AT_ONCE = 1000


class Copies:
    """No copies but those that the platform makes."""

    def names(self) -> Collection[str]:
        """Return the names of all checkpoints that have a copy, whole or not."""
        return ()

    def fetch(self, name: str, folder: Path) -> None:
        """Bring a checkpoint into the folder, but for the files that are there and as they should be."""

    def send(self, path: Path) -> None:
        """Send what this machine has of a checkpoint; it counts only once the last file, its list, is there."""

    def prune(self, name: str, keep: int) -> None:
        """Of the copies up to that of this name keep the `keep` newest whole ones; delete what is older."""


class S3Copies(Copies):
    """Copies below `s3://bucket/prefix`, one folder a checkpoint, shared by all machines of a run."""

    def __init__(self, uri: str) -> None:
        place = urlsplit(uri)
        if place.scheme != "s3" or not place.netloc or not place.path.strip("/"):
            fix = "give s3://bucket/prefix, or unset it"
            raise InputError(f"variable {CHECKPOINTS_VARIABLE}", repr(uri), "names no place in S3", fix)
        self._uri, self._bucket, self._prefix = uri.rstrip("/"), place.netloc, place.path.strip("/")

    def names(self) -> Collection[str]:
        """List the folders. Raises `CheckpointError`, as fetching does."""
        with self._asked():
            return self._found().keys()

    def fetch(self, name: str, folder: Path) -> None:
        """Fetch the lists, then what they list."""
        (folder / name).mkdir(parents=True, exist_ok=True)
        with self._asked():
            found = self._found(f"{name}/")[name]
            for listed in filter(_is_list, found):
                path = folder / name / listed
                self._s3.download_file(self._bucket, self._key(name, listed), str(path))
                files = json.loads(path.read_text())["files"]
                here = [(name, folder / name / file, hashed) for file, hashed in files.items() if file in found]
                _side_by_side(self._fetch_one, here)

    def send(self, path: Path) -> None:
        """Send all files, then the list."""
        files = sorted(path.iterdir(), key=lambda file: _is_list(file.name))
        _side_by_side(self._send_one, [(path.name, file) for file in files[:-1]])
        self._send_one(path.name, files[-1])

    def prune(self, name: str, keep: int) -> None:
        """Delete lists before what they list, so that nothing half-deleted looks whole."""
        found = {other: files for other, files in self._found().items() if other <= name}
        if len(found) <= keep:
            return
        whole = [other for other in sorted(found, reverse=True) if self._is_whole(other, found[other])]
        for other in found if len(whole) >= keep else ():
            if other < whole[keep - 1]:
                self._delete(other, [file for file in found[other] if _is_list(file)])
                self._delete(other, [file for file in found[other] if not _is_list(file)])

    @cached_property
    def _s3(self) -> "S3Client":
        return s3_folder.client()

    @contextmanager
    def _asked(self) -> Iterator[None]:
        """A run that cannot see its checkpoints must not begin anew: let it end, and be started again."""
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except (Boto3Error, BotoCoreError, ClientError) as error:
            fix = "start the job again once S3 answers, and let its role list, read, write and delete there"
            raise CheckpointError("checkpoints", self._uri, f"cannot be read ({error})", fix) from error

    def _key(self, name: str, file: str) -> str:
        return f"{self._prefix}/{name}/{file}"

    def _found(self, below: str = "step-") -> dict[str, list[str]]:
        """Return the names of all files, by checkpoint."""
        found = defaultdict[str, list[str]](list)
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=f"{self._prefix}/{below}"
        )
        for page in pages:
            for entry in page.get("Contents", ()):
                name, file = entry["Key"].split("/")[-2:]
                found[name].append(file)
        return found

    def _is_whole(self, name: str, files: Sequence[str]) -> bool:
        lists = [file for file in files if _is_list(file)]
        if not lists:
            return False
        read = self._s3.get_object(Bucket=self._bucket, Key=self._key(name, lists[0]))["Body"].read()
        return len(lists) >= int(json.loads(read)["machines"])

    def _fetch_one(self, name: str, path: Path, hashed: str) -> None:
        for _ in range(FETCHES):
            if is_sound(path, hashed):
                return
            self._s3.download_file(self._bucket, self._key(name, path.name), str(path))

    def _send_one(self, name: str, path: Path) -> None:
        self._s3.upload_file(str(path), self._bucket, self._key(name, path.name))

    def _delete(self, name: str, files: Sequence[str]) -> None:
        for start in range(0, len(files), MOST_DELETED_AT_ONCE):
            keys: Any = [{"Key": self._key(name, file)} for file in files[start : start + MOST_DELETED_AT_ONCE]]
            answer = self._s3.delete_objects(Bucket=self._bucket, Delete={"Objects": keys, "Quiet": True})
            for refused in answer.get("Errors", ()):
                raise PermissionError(f"{refused.get('Code')}: {refused.get('Key')}")


def copies_at(uri: str | None) -> Copies:
    """Return the copies at an S3 address; none where there is none."""
    return S3Copies(uri) if uri else Copies()


def _is_list(file: str) -> bool:
    return Path(file).match(LISTS)


def _side_by_side(work: Callable[..., None], calls: Sequence[tuple[Any, ...]]) -> None:
    """Do all, and raise the first error once none is under way any more."""
    with ThreadPoolExecutor(FILES_AT_ONCE) as pool:
        for done in [pool.submit(work, *call) for call in calls]:
            done.result()
