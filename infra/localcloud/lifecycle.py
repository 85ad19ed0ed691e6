"""Start, stop and find embedded clouds. Each has a folder `{home}/clouds/{name}` for record, log and scratch files."""

import contextlib
import fcntl
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from infra.localcloud.account import ACCOUNT_ID
from infra.localcloud.child_environment import child_environment
from infra.localcloud.port import listen
from infra.localcloud.record import CloudError, CloudRecord, health, log_path, process_runs, read_record, record_path

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
HEALTH_SECONDS = 30.0
POLL_SECONDS = 0.02


def start(
    name: str,
    home: Path,
    *,
    program: Path,
    port: int | None = None,
    account_id: str = ACCOUNT_ID,
    timeout_seconds: float = 60,
) -> CloudRecord:
    """Start the cloud and return once it answers; one that runs already is returned as it is.

    `program` is the folder that holds `ml`, which jobs and endpoints run. A fresh cloud begins empty, and whatever is
    made in it belongs to `account_id`.
    """
    folder = _folder(name, home)
    folder.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + timeout_seconds
    with _only_one_at_a_time(folder, deadline):
        if found := find(name, home):
            if port not in (None, 0, found.port):
                raise CloudError(
                    thing=f"cloud '{name}'",
                    value=f"port {port}",
                    rule=f"is not where it runs already, which is port {found.port}",
                    fix="stop it first, or leave the port out",
                )
            return found
        if port:
            listen(port).close()
        words = ("--port", str(port or 0), "--program", str(program.resolve()), "--account", account_id)
        return _spawn(name, folder, words, deadline)


def stop(name: str, home: Path, timeout_seconds: float = 20) -> bool:
    """Stop the cloud with all that it runs: SIGTERM, and SIGKILL when the time is over. False if it did not run."""
    record = read_record(_folder(name, home))
    if record is None or not process_runs(record):
        _clean(name, home)
        return False
    for number, seconds in ((signal.SIGTERM, timeout_seconds), (signal.SIGKILL, 5.0)):
        _signal(record, number)
        if _wait_until(lambda: not process_runs(record), time.monotonic() + seconds):
            _clean(name, home)
            return True
    raise CloudError(
        thing=f"cloud '{name}'",
        value=f"process {record.pid}",
        rule="survived SIGKILL",
        fix=f"look at it with: ps -p {record.pid}",
    )


def find(name: str, home: Path) -> CloudRecord | None:
    """The cloud's record if it runs and answers; a record that a dead cloud left is removed."""
    record = read_record(_folder(name, home))
    if record is None:
        return None
    if not process_runs(record):
        _clean(name, home)
        return None
    answer = health(record.url, HEALTH_SECONDS)
    return record if answer and answer.get("pid") == record.pid else None


def running(home: Path) -> tuple[CloudRecord, ...]:
    """Every cloud of `home` that runs and answers."""
    names = sorted(path.parent.name for path in (home / "clouds").glob("*/cloud.json"))
    return tuple(record for name in names if (record := find(name, home)))


def _folder(name: str, home: Path) -> Path:
    if not NAME.fullmatch(name):
        raise CloudError(
            thing="cloud name",
            value=repr(name),
            rule="is not lower-case letters, digits and hyphens, at most 40",
            fix="choose a name like 'default'",
        )
    return home.resolve() / "clouds" / name


@contextlib.contextmanager
def _only_one_at_a_time(folder: Path, deadline: float) -> Iterator[None]:
    """Two `start` of one name: the second waits and finds what the first started."""
    with (folder / "start.lock").open("w") as lock:

        def taken() -> bool:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True

        if not _wait_until(taken, deadline):
            raise CloudError(
                thing=f"cloud '{folder.name}'",
                value="another process",
                rule="is starting it and has not finished",
                fix="wait for it, or end that process",
            )
        yield


def _spawn(name: str, folder: Path, words: Sequence[str], deadline: float) -> CloudRecord:
    with log_path(folder).open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "infra.localcloud", "--name", name, "--folder", str(folder), *words],
            cwd=Path(__file__).parents[2],
            env=child_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            start_new_session=True,
        )
    # It outlives us on purpose; should it end before us, this thread takes note, so that it leaves no zombie.
    threading.Thread(target=process.wait, name=f"cloud {name}", daemon=True).start()

    def settled() -> bool:
        return process.poll() is not None or _answering(folder, process.pid) is not None

    _wait_until(settled, deadline)
    if record := _answering(folder, process.pid):
        return record
    rule = "did not answer in time" if process.poll() is None else f"ended: {_last_words(folder)}"
    process.kill()
    raise CloudError(thing=f"cloud '{name}'", value="its process", rule=rule, fix=f"read {log_path(folder)}")


def _answering(folder: Path, pid: int) -> CloudRecord | None:
    record = read_record(folder)
    if record and record.pid == pid and health(record.url, HEALTH_SECONDS):
        return record
    return None


def _last_words(folder: Path) -> str:
    lines = log_path(folder).read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it ended without a word"


def _signal(record: CloudRecord, number: signal.Signals) -> None:
    import psutil

    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(record.pid).send_signal(number)


def _clean(name: str, home: Path) -> None:
    record_path(_folder(name, home)).unlink(missing_ok=True)


def _wait_until(condition: Callable[[], bool], deadline: float) -> bool:
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True
