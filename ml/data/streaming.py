"""A data set read from S3 shard by shard while the job runs, through a cache on the machine's disk."""

import hashlib
from functools import partial

from ml.data.cache import ShardCache
from ml.data.datasets import MANIFEST, DataManifest, FileFacts, Rows, parse_manifest, rows_of
from ml.errors import DataError
from ml.s3_folder import S3Folder

AGAIN = "prepare and upload the data set again"


def stream(uri: str, cache: ShardCache) -> tuple[DataManifest, dict[str, Rows]]:
    """Open the data set at `s3://bucket/folder/`. What is missing or cut short there is told now, not hours later."""
    folder = S3Folder(uri)
    manifest = parse_manifest(folder.read(MANIFEST), uri, AGAIN)
    there = folder.sizes()
    for name, facts in manifest.files.items():
        if there.get(name) != facts.bytes:
            found = f"has {there[name]} bytes, not {facts.bytes}" if name in there else "is missing"
            raise DataError(f"data set {uri}", f"shard {name!r}", found, AGAIN)
    return manifest, rows_of(manifest, uri, partial(_bring, folder, cache))


def _bring(folder: S3Folder, cache: ShardCache, name: str, facts: FileFacts) -> bytes:
    return cache.get(facts.sha256, partial(_fetch, folder, name, facts))


def _fetch(folder: S3Folder, name: str, facts: FileFacts) -> bytes:
    """Download a shard; one that came damaged is asked for once more, for it may have been the way."""
    for _ in range(2):
        content = folder.read(name)
        if (found := hashlib.sha256(content).hexdigest()) == facts.sha256:
            return content
    raise DataError(
        f"shard {name!r} of {folder.uri}", f"sha256 {found[:12]}", f"is not {facts.sha256[:12]} of {MANIFEST}", AGAIN
    )
