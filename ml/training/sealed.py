"""A checkpoint's folder: sealed by a list of what each machine put into it, and read only if all of that is there.

step-00000150.tmp/               while it is written; the platform does not copy what ends so
step-00000150/                   torch.distributed.checkpoint's files, one or more a process
step-00000150/complete-0.json    of machine 0: step, identity, attempt, curve, each file's SHA-256; written last
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

UNFINISHED = ".tmp"
LISTS = "complete-*.json"


def name_of(step: int) -> str:
    """Return the name of the folder of a step; names sort as steps do."""
    return f"step-{step:08d}"


def names(folder: Path) -> list[str]:
    """Return the names of the checkpoints in a folder, the newest first."""
    return sorted((path.name for path in folder.glob("step-*") if path.suffix != UNFINISHED), reverse=True)


def seal(draft: Path, facts: Mapping[str, Any]) -> Path:
    """Write the list of what the folder holds, put all of it on the disk, and give the folder its name."""
    files = {}
    for path in sorted(draft.iterdir()):
        files[path.name] = sha256(path)
        _to_disk(path)
    listed = draft / f"complete-{facts['machine']}.json"
    listed.write_text(json.dumps({**facts, "files": files}))
    for path in (listed, draft):
        _to_disk(path)
    whole = draft.with_suffix("")
    shutil.rmtree(whole, ignore_errors=True)  # An unsound one of this step, which was not restored.
    draft.rename(whole)
    _to_disk(whole.parent)
    return whole


def read(path: Path, identity: str) -> tuple[dict[str, Any] | None, str]:
    """Return what a checkpoint's lists say, or None and why it cannot be used."""
    try:
        lists = [json.loads(listed.read_text()) for listed in sorted(path.glob(LISTS))]
        if not lists or len(lists) < lists[0]["machines"]:
            return None, "it is not whole"
        if any(facts["identity"] != identity for facts in lists):
            return None, "another recipe or data set left it"
        if len({facts["attempt"] for facts in lists}) > 1:
            return None, "its parts were written by different attempts"
        for facts in lists:
            for name in _unsound(path, facts["files"]):
                return None, f"{name} is not what was saved"
    except (OSError, ValueError, LookupError, TypeError) as error:
        return None, f"it cannot be read ({error!r:.80})"
    return lists[0], ""


def is_sound(path: Path, hashed: str) -> bool:
    """Say whether a file is there and has this SHA-256."""
    return path.exists() and sha256(path) == hashed


def sha256(path: Path) -> str:
    """Return a file's SHA-256 in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _unsound(path: Path, files: Mapping[str, str]) -> Iterator[str]:
    return (name for name, hashed in files.items() if not is_sound(path / name, hashed))


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
