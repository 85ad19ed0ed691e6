"""What a struck trainer left on its disk, read without any of its own code."""

import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Remains:
    """The steps whose checkpoints are whole, and how many others were begun."""

    whole: frozenset[int]
    half_written: int


def remains(checkpoints: Path) -> Remains:
    """Read the folder of a job's checkpoints."""
    found = list(checkpoints.glob("step-*"))
    whole = frozenset(int(path.name.removeprefix("step-")) for path in found if _is_whole(path))
    return Remains(whole=whole, half_written=len(found) - len(whole))


def _is_whole(path: Path) -> bool:
    listed = path / "complete-0.json"
    if path.suffix or not listed.exists():
        return False
    files = json.loads(listed.read_text())["files"]
    return all(sha256((path / name).read_bytes()).hexdigest() == hashed for name, hashed in files.items())
