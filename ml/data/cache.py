"""A folder of shards by their content's hash: bounded, shared by all processes of a machine, sound after a kill -9."""

import fcntl
import hashlib
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

LOCKS = "locks"


class ShardCache:
    """Keeps at most `most_bytes` of what was fetched, and forgets first what was used longest ago."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self._folder, self._most_bytes = folder, most_bytes

    def get(self, sha256: str, fetch: Callable[[], bytes]) -> bytes:
        """Return the content of this hash: what is kept, else what `fetch` brings, once for all who ask meanwhile.

        A disk that is full, or cannot be written, costs the keeping and nothing else.
        """
        kept = self._kept(sha256)
        if kept is not None:
            return kept
        with self._alone(sha256):
            kept = self._kept(sha256)
            if kept is None:
                kept = fetch()
                self._keep(sha256, kept)
        return kept

    def _kept(self, sha256: str) -> bytes | None:
        path = self._folder / sha256
        try:
            content = path.read_bytes()
        except OSError:
            return None
        if hashlib.sha256(content).hexdigest() != sha256:
            self._say(f"damaged={sha256[:12]} fetching it again")
            path.unlink(missing_ok=True)
            return None
        with suppress(OSError):
            os.utime(path)
        return content

    def _keep(self, sha256: str, content: bytes) -> None:
        """Write beside the target and move in one step: what a killed process leaves has no shard's name."""
        part = self._folder / f"{sha256}.part"
        try:
            if self._make_room(len(content)):
                part.write_bytes(content)
                part.replace(self._folder / sha256)
        except OSError as error:
            self._say(f"not_kept={sha256[:12]} {error.strerror}; it is read again when it is needed again")
            with suppress(OSError):
                part.unlink(missing_ok=True)

    def _make_room(self, size: int) -> bool:
        """Forget until `size` more fit; what killed processes left half written is among the oldest, and goes too."""
        files = sorted((facts.st_mtime_ns, facts.st_size, path) for path, facts in self._files())
        total = sum(size for _, size, _ in files)
        for _, bytes_, path in files:
            if total + size <= self._most_bytes:
                break
            path.unlink(missing_ok=True)
            total -= bytes_
        return total + size <= self._most_bytes

    def _files(self) -> Iterator[tuple[Path, os.stat_result]]:
        for path in self._folder.iterdir():
            with suppress(FileNotFoundError):  # Another process forgot it meanwhile.
                if path.is_file():
                    yield path, path.stat()

    @contextmanager
    def _alone(self, sha256: str) -> Iterator[None]:
        """Let one process or thread at a time fetch a shard; the kernel opens a lock whose holder is gone."""
        try:
            (self._folder / LOCKS).mkdir(parents=True, exist_ok=True)
            lock = (self._folder / LOCKS / sha256[:2]).open("w")
        except OSError as error:
            self._say(f"cannot be used: {error.strerror}")
            yield
            return
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _say(self, what: str) -> None:
        print(f"data cache={self._folder} {what}", file=sys.stderr, flush=True)
