"""The processes of one machine's part of a run: started together, and together again when one of them is lost.

A process that a signal ended (kill -9, no memory left, a crash below Python) is lost: all start again from the last
checkpoint, a few times. A process that raised would raise again, for a step is the same whenever it is done; one that
was asked to stop has saved. Neither is started again here.

All machines of a run do the same: they meet in a store on the first one, tell how their processes ended, and agree.
"""

import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from socket import create_server
from types import FrameType
from typing import Any
from zlib import crc32

from ml import contract
from ml.contract import Container, Machine, Place

MEETING_PORT, MEETING_PORTS = 29400, 1000
# Below those that systems give to outgoing connections: what is free here is so until torch takes it.
FREE_PORTS = range(20000, 29000)
COMMAND = (sys.executable, "-m", "ml", "train")
MOST_RESTARTS = 3
POLL_SECONDS = 0.1
# Processes that are asked to stop do so at one step; none waits longer for the others.
SECONDS_BEHIND = 30.0
# How long the others may take to tell how they ended, once this machine's processes have ended badly.
SECONDS_TO_AGREE = 60.0
WRONG_INPUT, STOPPED, INTERRUPTED = 2, 143, 130


def lost(code: int) -> bool:
    """Say whether an exit code, as a shell tells it, is that of a process that did not end by itself."""
    return code > 128 and code not in (STOPPED, INTERRUPTED)


def worst(codes: Sequence[int]) -> int:
    """Return the exit code that explains the others: those left behind fail only because the first did."""

    def weight(code: int) -> int:
        if code == WRONG_INPUT:
            return 0
        return 1 if lost(code) else 2 if code == STOPPED else 3 if code else 4

    return min(codes, key=weight)


class Launcher:
    """Starts the processes of `machine`; `run` returns the run's exit code.

    Each machine writes its own part of a checkpoint. Where nobody brings these together while the job runs, as on
    SageMaker, nothing is started again here: a lost process then ends the run as one that wants to be started again.
    """

    def __init__(
        self, container: Container, machine: Machine, processes: int, command: Sequence[str] = COMMAND
    ) -> None:
        self._container, self._machine, self._count, self._command = container, machine, processes, command
        self._most_restarts = MOST_RESTARTS if machine.count == 1 or container.checkpoint_copies else 0
        self._running: list[subprocess.Popen[bytes]] = []
        self._stopping = False
        self._store = _meeting_place(machine, container.job_name or "")

    def run(self) -> int:
        """Do the run; SIGTERM is handed on to the processes."""
        before = signal.signal(signal.SIGTERM, self._pass_on)
        try:
            for attempt in range(self._most_restarts + 1):
                self._start(attempt)
                code = self._agreed(attempt, self._ended(attempt))
                if not lost(code) or self._stopping or attempt == self._most_restarts:
                    break
                _say(f"a process was lost (exit code {code}): all start again from the last checkpoint, {attempt + 1}.")
            self._leave()
            return STOPPED if lost(code) and not self._most_restarts else code
        except ConnectionError as error:
            # The machine is no more; what platforms do about that is to start the whole run again.
            _say(f"stopped: {error}; start the job again to go on from its last checkpoint")
            return STOPPED
        finally:
            self._kill()
            signal.signal(signal.SIGTERM, before)

    def _start(self, attempt: int) -> None:
        # What the neighbours of a lost process said of their end is no failure of the run.
        self._container.failure.unlink(missing_ok=True)
        if self._machine.number == 0:
            self._store.set(f"port-{attempt}", str(_free_port()))
        port = int(self._asked(lambda: self._store.get(f"port-{attempt}")))
        first = self._machine.number * self._count
        places = [
            Place(
                rank=first + local,
                size=self._machine.count * self._count,
                local_rank=local,
                machine=self._machine.number,
                machines=self._machine.count,
            )
            for local in range(self._count)
        ]
        main = self._machine.main if self._machine.number else "127.0.0.1"
        self._running = [
            subprocess.Popen(self._command, env=contract.worker_environment(self._container, place, main, port))
            for place in places
        ]

    def _ended(self, attempt: int) -> int:
        """Wait until all have ended, or one has badly, here or elsewhere; then end the others. Return the worst."""
        deadline = float("inf")
        while True:
            codes = [_as_a_shell_tells(code) for one in self._running if (code := one.poll()) is not None]
            if len(codes) == self._count:
                return worst(codes)
            if any(codes):
                behind = SECONDS_BEHIND if worst(codes) == STOPPED else 0.0
                deadline = min(deadline, time.monotonic() + behind)
            elif self._asked(lambda: self._store.add(f"bad-{attempt}", 0)):
                deadline = min(deadline, time.monotonic() + SECONDS_BEHIND)
            if time.monotonic() >= deadline:
                self._kill()
                return worst([*codes, 0])
            time.sleep(POLL_SECONDS)

    def _agreed(self, attempt: int, mine: int) -> int:
        """Tell the other machines how it ended here, hear how it ended there, and return the worst."""
        if mine:
            self._asked(lambda: self._store.add(f"bad-{attempt}", 1))
        self._asked(lambda: self._store.set(f"code-{attempt}-{self._machine.number}", str(mine)))
        keys = [f"code-{attempt}-{number}" for number in range(self._machine.count)]
        deadline = time.monotonic() + SECONDS_TO_AGREE
        while not self._asked(lambda: self._store.check(keys)):
            if self._asked(lambda: self._store.add(f"bad-{attempt}", 0)) and time.monotonic() > deadline:
                raise ConnectionError("another machine of the run is silent")
            time.sleep(POLL_SECONDS)
        return worst([int(code) for code in self._asked(lambda: [self._store.get(key) for key in keys])])

    def _leave(self) -> None:
        """Keep the store until all have read in it what they came for."""
        others, deadline = self._machine.count - 1, time.monotonic() + SECONDS_BEHIND
        self._asked(lambda: self._store.add("left", int(self._machine.number > 0)))
        while self._machine.number == 0 and self._store.add("left", 0) < others and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)

    def _asked(self, question: Callable[[], Any]) -> Any:
        try:
            return question()
        except RuntimeError as error:  # torch.distributed.DistError
            raise ConnectionError("the first machine of the run does not answer") from error

    def _pass_on(self, number: int, _frame: FrameType | None) -> None:
        self._stopping = True
        for one in self._running:
            if one.poll() is None:
                one.send_signal(number)

    def _kill(self) -> None:
        for one in self._running:
            one.kill()
        for one in self._running:
            one.wait()


class _Alone:
    """The store of a run on one machine, which need not wait until torch is imported."""

    def __init__(self) -> None:
        self._kept: dict[str, str] = {}

    def set(self, key: str, value: str) -> None:
        self._kept[key] = value

    def get(self, key: str) -> str:
        return self._kept[key]

    def check(self, keys: list[str]) -> bool:
        return all(key in self._kept for key in keys)

    def add(self, key: str, amount: int) -> int:
        self._kept[key] = str(int(self._kept.get(key, "0")) + amount)
        return int(self._kept[key])


def _meeting_place(machine: Machine, job: str) -> Any:
    if machine.count == 1:
        return _Alone()
    from torch.distributed import TCPStore  # type: ignore[attr-defined]

    # Jobs that share a machine, as on a laptop, do not meet at one port.
    port = MEETING_PORT + crc32(job.encode()) % MEETING_PORTS
    return TCPStore(
        machine.main, port, is_master=machine.number == 0, wait_for_workers=False, timeout=timedelta(minutes=10)
    )


def _free_port() -> int:
    while True:
        port = secrets.choice(FREE_PORTS)
        with suppress(OSError), create_server(("", port)):
            return port


def _as_a_shell_tells(code: int) -> int:
    return code if code >= 0 else 128 - code


def _say(line: str) -> None:
    print(line, flush=True)
