"""Programs of the cloud on a leash: whatever happens to the cloud, nothing that it started outlives it.

    program = Program(argv=("python", "-m", "ml", "train"), folder=scratch, vcpus=2, memory_bytes=8 * 2**30)
    leashed = Leashed(program, on_line=print)
    leashed.stop(grace_seconds=120)      # SIGTERM, then SIGKILL to the whole family
    leashed.exit.result()                # Exit(code=143, cause="stopped", ...)

A leash is a process of its own (`leash_process.py`), because only another process notices a kill -9 of this one.
"""

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from infra.localcloud.cloud import TEST_CREDENTIALS

Cause = Literal["exited", "stopped", "killed", "out of memory", "abandoned"]

LONGEST_LINE_BYTES = 256_000
"""CloudWatch Logs takes events of up to 256 KiB; longer lines arrive in pieces."""

LAST_WAIT_SECONDS = 10.0

_next_cpu = itertools.count()


@dataclass(frozen=True)
class Program:
    """What to run, where, and with how much of the machine. `None` means as much as there is."""

    argv: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    vcpus: int | None = None
    memory_bytes: int | None = None


@dataclass(frozen=True)
class Exit:
    """How a program ended. `code` is as a shell tells it: 128 + the signal's number after a signal."""

    code: int
    cause: Cause
    peak_memory_bytes: int = 0


class Leashed:
    """A running program. `exit` is set once its whole family is gone and its last line was handed on."""

    def __init__(self, program: Program, on_line: Callable[[str], None]) -> None:
        self.exit: Future[Exit] = Future()
        script = Path(__file__).with_name("leash_process.py")
        self._process = subprocess.Popen(
            # Isolated and without site-packages, this interpreter is up in 10 ms.
            [sys.executable, "-I", "-S", str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            env={},
        )
        self._send(json.dumps(_order(program)))
        self.pid = self._started()
        pump = threading.Thread(target=self._pump, args=(on_line,), name=f"lines of {self.pid}", daemon=True)
        pump.start()
        threading.Thread(target=self._await_exit, args=(pump,), name=f"exit of {self.pid}", daemon=True).start()

    @property
    def alive(self) -> bool:
        """Whether the program may still be running."""
        return not self.exit.done()

    def stop(self, grace_seconds: float) -> None:
        """Ask the program to end; after the grace period its whole family is killed. Returns at once."""
        self._send(f"stop {grace_seconds}")

    def kill(self) -> None:
        """Kill the whole family. Returns at once; `exit` tells when it is gone."""
        self._send("kill")

    def _send(self, line: str) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()
        except (BrokenPipeError, ValueError):
            return  # The program has ended, which is what every command asks for.

    def _started(self) -> int:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            assert self._process.stderr is not None
            raise RuntimeError(f"the leash did not start: {self._process.stderr.read().decode(errors='replace')}")
        return int(json.loads(line)["pid"])

    def _pump(self, on_line: Callable[[str], None]) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as output:
            while line := output.readline(LONGEST_LINE_BYTES):
                on_line(line.decode(errors="replace").rstrip("\r\n"))

    def _await_exit(self, pump: threading.Thread) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if line:
            exit = Exit(**json.loads(line))
        else:
            # Somebody killed the leash. The kernel then ends the program on Linux; its process group is ours to end.
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            exit = Exit(code=137, cause="killed")
        pump.join(timeout=5)
        self._process.wait()
        self._process.stdout.close()
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self.exit.set_result(exit)


class Leashes:
    """All programs of a cloud, so that its stop can end every one and wait until it is gone."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[Leashed] = set()
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether the cloud is stopping."""
        return self._closed

    def start(self, program: Program, on_line: Callable[[str], None]) -> Leashed:
        """Start a program. Raises RuntimeError once the cloud stops."""
        with self._lock:
            if self._closed:
                raise RuntimeError("the cloud is stopping and starts nothing any more")
            leashed = Leashed(program, on_line)
            self._running.add(leashed)
        leashed.exit.add_done_callback(lambda _: self._running.discard(leashed))
        return leashed

    def end_all(self) -> None:
        """Kill everything and wait until it is gone."""
        with self._lock:
            self._closed = True
            running = list(self._running)
        for leashed in running:
            leashed.kill()
        wait([leashed.exit for leashed in running], timeout=LAST_WAIT_SECONDS)


def container_environment(cloud_url: str, region: str, program_folder: Path, base: Path) -> dict[str, str]:
    """What a container of this cloud finds in its environment before the request's own variables.

    Nothing of the laptop passes but the search path and the locale: neither its AWS profile nor its home folder, as a
    container on AWS would see neither. The test credentials stand for those of the execution role.
    """
    kept = {name: os.environ[name] for name in ("LANG", "LC_ALL", "LD_LIBRARY_PATH") if name in os.environ}
    return kept | {
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath))),
        "HOME": str(base),
        "TMPDIR": str((base / "tmp").resolve()),
        "PYTHONPATH": str(program_folder),
        "PYTHONUNBUFFERED": "1",
        # 1.6 times the speed when another process wants the same cores (FACTS); the images set it too.
        "OMP_WAIT_POLICY": "passive",
        "SAGEMAKER_BASE_DIR": str(base),
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ENDPOINT_URL": cloud_url,
        "AWS_ACCESS_KEY_ID": TEST_CREDENTIALS["aws_access_key_id"],
        "AWS_SECRET_ACCESS_KEY": TEST_CREDENTIALS["aws_secret_access_key"],
    }


def _order(program: Program) -> dict[str, Any]:
    threads = {"OMP_NUM_THREADS": str(min(program.vcpus, _cpu_count()))} if program.vcpus else {}
    return {
        "argv": list(program.argv),
        "folder": str(program.folder),
        "environment": threads | dict(program.environment),
        "cpus": _choose_cpus(program.vcpus),
        "memory_bytes": program.memory_bytes,
        "import_path": sys.path,
    }


def _choose_cpus(vcpus: int | None) -> list[int] | None:
    """CPUs to pin to, or None where the program may have all; neighbours get others as long as there are any."""
    if sys.platform != "linux" or vcpus is None or vcpus >= _cpu_count():
        return None
    available = sorted(os.sched_getaffinity(0))
    return [available[next(_next_cpu) % len(available)] for _ in range(vcpus)]


def _cpu_count() -> int:
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
