"""One run on an environment, or a study, at a time from this checkout; from others Terraform's lock in S3 guards it.

The lock is the kernel's and ends with its last holder. Terraform's processes hold it too: after a `kill -9` of the
command the next one waits until they have saved what they did.
"""

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from ci.errors import BusyError

PATIENCE_SECONDS = 120.0


@contextmanager
def hold(folder: Path, command: str, say: Callable[[str], None], *, thing: str = "environment") -> Iterator[int]:
    """Hold the lock of the environment, or `thing`, whose folder this is, and yield the descriptor for children.

    Raises `BusyError`, naming who holds it, when that is a living command.
    """
    with (folder / "lock").open("a+") as file:
        _take(file.fileno(), folder, say, thing)
        file.seek(0)
        file.truncate()
        json.dump(
            {"pid": os.getpid(), "command": command, "since": datetime.now(UTC).isoformat(timespec="seconds")}, file
        )
        file.flush()
        yield file.fileno()
        file.seek(0)
        file.truncate()


def holder(folder: Path) -> str | None:
    """Tell which living command holds the lock of the environment whose folder this is."""
    try:
        with (folder / "lock").open() as file:
            fcntl.flock(file.fileno(), fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return None
    except BlockingIOError:
        try:
            _refuse_if_alive(folder, "environment", patience_over=False)
        except BusyError as error:
            return error.value
    return None


def _take(descriptor: int, folder: Path, say: Callable[[str], None], thing: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    told = False
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _refuse_if_alive(folder, thing, patience_over=time.monotonic() > deadline)
        else:
            return
        if not told:
            say("An earlier run was killed; waiting for its Terraform to save what it did.")
            told = True
        time.sleep(0.2)


def _refuse_if_alive(folder: Path, thing: str, *, patience_over: bool) -> None:
    try:
        holder = json.loads((folder / "lock").read_text())
    except ValueError:
        # It has just taken the lock and not yet written its name, or just given it back.
        holder = {"pid": 0, "command": "", "since": "a moment ago"}
    if patience_over or (holder["pid"] and _alive(holder["pid"])):
        raise BusyError(
            thing=f"{thing} {folder.name!r}",
            value=f"groundplan {holder['command']} (pid {holder['pid']}, since {holder['since']})",
            rule="is working on it",
            fix="wait for it to end, or stop it with Ctrl-C",
        )


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
