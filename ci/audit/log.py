"""The log's home: one S3 object an entry, in the artifact bucket of the region where the environment trains.

An entry is put on condition that its number is free, so that two writers never write one; the bucket's policy refuses
anything else (stacks/data.py), and no role may delete.
"""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from ci.audit import chain
from ci.audit.chain import BEFORE_ALL, Entry, Event, Head
from ci.s3_record import CHANGED
from ml.release.signing import Signer

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ENTRIES, HEAD, ENDING = "audit/entries/", "audit/head.json", ".json"
TOGETHER = 8


class AuditLog:
    """The entries of one environment; `signer` is None where nobody can sign."""

    def __init__(self, s3: "S3Client", bucket: str, signer: Signer | None) -> None:
        self._s3, self._bucket, self._signer = s3, bucket, signer

    def append(self, event: Event, *, who: str, model: str, version: str = "", facts: dict[str, str]) -> Entry:
        """Write the next entry; whoever else writes meanwhile gets another number."""
        while True:
            last = self._last()
            at = datetime.now(UTC).isoformat(timespec="seconds")
            new = Entry(
                number=last.number + 1, at=at, who=who, event=event, model=model, version=version, facts=facts,
                previous=last.hash,
            )  # fmt: skip
            entry = self._sealed(new)
            if self._put(entry):
                head = Head(number=entry.number, hash=entry.hash)
                self._s3.put_object(Bucket=self._bucket, Key=HEAD, Body=head.model_dump_json().encode())
                return entry

    def raw(self) -> dict[int, bytes]:
        """Return what is kept, by the numbers in the names."""
        with ThreadPoolExecutor(TOGETHER) as pool:
            names = self._numbers()
            return dict(zip(names, pool.map(lambda number: self._get(_key(number)), names), strict=True))

    def entries(self) -> list[Entry]:
        """Return the entries that can be read, in order."""
        return [entry for _, raw in sorted(self.raw().items()) if (entry := chain.read(raw))]

    def head(self) -> Head | None:
        """Return what the last writer left as the log's head; None before the first."""
        try:
            return Head.model_validate_json(self._get(HEAD))
        except self._s3.exceptions.NoSuchKey:
            return None

    def _last(self) -> Head:
        """Return what the next entry follows. The head may be behind, where a writer was stopped before it put it."""
        head = self.head() or Head(number=0, hash=BEFORE_ALL)
        newest = max(self._numbers(after=head.number), default=0)
        if not newest:
            return head
        entry = chain.read(self._get(_key(newest)))
        return Head(number=newest, hash=entry.hash if entry else BEFORE_ALL)

    def _sealed(self, entry: Entry) -> Entry:
        try:
            return chain.sealed(entry, self._signer)
        except ClientError as error:
            # An operator who rolls back may not sign; that he did is written down all the same.
            if error.response["Error"]["Code"] != "AccessDeniedException":
                raise
            return chain.sealed(entry, None)

    def _put(self, entry: Entry) -> bool:
        content = chain.written(entry)
        try:
            self._s3.put_object(Bucket=self._bucket, Key=_key(entry.number), Body=content, IfNoneMatch="*")
        except ClientError as error:
            if error.response["Error"]["Code"] in CHANGED:
                return False
            raise
        return True

    def _get(self, key: str) -> bytes:
        return self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()

    def _numbers(self, after: int = 0) -> list[int]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=ENTRIES, StartAfter=_key(after)
        )
        names = [
            entry["Key"].removeprefix(ENTRIES).removesuffix(ENDING)
            for page in pages
            for entry in page.get("Contents", ())
        ]
        return [int(name) for name in names if name.isascii() and name.isdigit()]


def _key(number: int) -> str:
    return f"{ENTRIES}{number:08d}{ENDING}"
