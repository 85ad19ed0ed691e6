"""Which processes of this machine work on a state: asked before a lock is believed to have outlived its holder."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

from ci.manifest import S3Backend

PROC = Path("/proc")


def holders(backend: S3Backend) -> list[int] | None:
    """Return the Terraform processes of this user that work on the state; None where the system does not tell."""
    if not PROC.is_dir():
        return None
    return [pid for pid, folder in _terraforms() if _works_on(folder, backend)]


def _terraforms() -> Iterator[tuple[int, Path]]:
    """Yield each Terraform of this user with the folder that it works in."""
    for entry in PROC.iterdir():
        try:
            if not entry.name.isdigit() or entry.stat().st_uid != os.getuid():
                continue
            words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
            if "terraform" not in " ".join(words[:2]):
                continue
            chosen = next((word.partition("=")[2] for word in words if word.startswith("-chdir=")), "")
            yield int(entry.name), (entry / "cwd").readlink() / chosen
        except OSError:
            # It ended while we looked.
            continue


def _works_on(folder: Path, backend: S3Backend) -> bool:
    # Where Terraform itself notes which state a folder was initialized for.
    try:
        settings = json.loads((folder / ".terraform" / "terraform.tfstate").read_text())["backend"]["config"]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return (settings.get("bucket"), settings.get("key")) == (backend.bucket, backend.key)
