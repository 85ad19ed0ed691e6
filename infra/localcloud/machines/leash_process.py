"""The small process between the cloud and a program that it runs: what makes a kill -9 of the cloud harmless.

Run as a file, never imported by the cloud. Its standard input comes from the cloud: the first line is the order
(JSON), each later one a command (`stop <grace seconds>`, `kill`). When the input ends the cloud is dead, and so, a
moment later, is everything that was started here. Its standard output reports to the cloud, one JSON object a line;
its standard error is handed to the program for everything that it prints.

On Linux it is a subreaper: descendants that detach themselves come back to it instead of escaping. macOS has no such
thing; there the program's process group is what is known, and a daemon that leaves it escapes.
"""

import ctypes
import json
import os
import select
import signal
import sys
import time
from typing import Any

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
GIVE_UP_SECONDS = 10.0
"""How long to go on killing processes that do not die (they hang inside the kernel)."""


def prctl(option: int, value: int) -> None:
    """Call Linux's prctl; nothing elsewhere."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def start(order: dict[str, Any]) -> int:
    """Start the program as the leader of its own session; return its process id."""
    leash = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != leash:
            os._exit(137)
        if order["cpus"]:
            os.sched_setaffinity(0, order["cpus"])
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(2, 1)
        os.chdir(order["folder"])
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        os.execvpe(order["argv"][0], order["argv"], order["environment"])  # noqa: S606 - starting programs is its job
    except OSError as error:
        os.write(2, f"cannot start {order['argv'][0]!r}: {error}\n".encode())
    os._exit(127)


class Watch:
    """The life of one program: its family of processes, its memory, its end."""

    def __init__(self, pid: int, memory_bytes: int | None) -> None:
        import psutil  # Late, so that the program is under way while this loads.

        self.psutil = psutil
        self.pid = pid
        self.memory_bytes = memory_bytes
        self.peak_bytes = 0
        self.code: int | None = None
        self.cause = "exited"
        self.kill_at: float | None = None

    def family(self) -> list[Any]:
        """Every living process that came out of the program, whatever became of its parents."""
        try:
            everyone = self.psutil.Process().children(recursive=True)
        except self.psutil.Error:
            return []
        return [process for process in everyone if self._alive(process)]

    def _alive(self, process: Any) -> bool:
        try:
            return bool(process.status() != self.psutil.STATUS_ZOMBIE)
        except self.psutil.Error:
            return False

    def reap(self) -> None:
        """Collect the dead; remember how the program itself ended, as a shell would tell it."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self.pid:
                code = os.waitstatus_to_exitcode(status)
                self.code = code if code >= 0 else 128 - code

    def stop(self, grace_seconds: float) -> None:
        """Ask the program to end, as `docker stop` asks: SIGTERM to the first process, SIGKILL to all later."""
        if self.code is None:
            self.cause = "stopped"
            self.kill_at = time.monotonic() + grace_seconds
            os.kill(self.pid, signal.SIGTERM)

    def kill(self, cause: str) -> None:
        """End the whole family now and wait until it is gone."""
        if self.code is None and self.cause == "exited":
            self.cause = cause
        deadline = time.monotonic() + GIVE_UP_SECONDS
        while time.monotonic() < deadline:
            self.reap()
            family = self.family()
            if not family:
                break
            for process in family:
                try:
                    process.kill()
                except self.psutil.Error:
                    continue
            time.sleep(0.005)
        self.reap()

    def measure(self) -> float:
        """Hold the family to its memory; return the seconds until the next look, shorter when it gets tight."""
        resident = self._total(lambda process: process.memory_info().rss)
        if self.memory_bytes and resident > self.memory_bytes:
            # Pages that forked workers share count once only in the slower figure.
            resident = self._total(lambda process: process.memory_full_info().uss) or resident
        self.peak_bytes = max(self.peak_bytes, resident)
        if self.memory_bytes and resident > self.memory_bytes:
            self.kill("out of memory")
        return 0.5 if not self.memory_bytes or resident < self.memory_bytes / 2 else 0.1

    def _total(self, read: Any) -> int:
        total = 0
        for process in self.family():
            try:
                total += read(process)
            except self.psutil.Error:
                continue
        return total


def obey(watch: Watch) -> None:
    """Follow the cloud's commands until the program has ended or the cloud has."""
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    watch.reap()  # It may have ended before the signal handler stood.
    pending = b""
    look_at = time.monotonic()
    while watch.code is None:
        if time.monotonic() >= look_at:
            look_at = time.monotonic() + watch.measure()
            continue
        until = min(look_at, watch.kill_at or look_at)
        ready, _, _ = select.select([0, wake_read], [], [], max(0.0, until - time.monotonic()))
        if wake_read in ready:
            os.read(wake_read, 4096)
            watch.reap()
        if 0 in ready:
            received = os.read(0, 4096)
            if not received:
                return watch.kill("abandoned")
            *lines, pending = (pending + received).split(b"\n")
            for line in lines:
                word, _, value = line.decode().partition(" ")
                watch.stop(float(value)) if word == "stop" else watch.kill("killed")
        if watch.kill_at and time.monotonic() >= watch.kill_at:
            watch.kill("killed")
    return watch.kill("exited")


def read_order() -> dict[str, Any]:
    """Read the first line and not one byte more."""
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(0, 65536)
        if not byte:
            sys.exit(0)
        line += byte
    order: dict[str, Any] = json.loads(line)
    return order


def report(**fields: object) -> None:
    """Tell the cloud; a dead cloud hears nothing."""
    try:
        os.write(1, json.dumps(fields).encode() + b"\n")
    except BrokenPipeError:
        return


def main() -> None:
    """Start, report, watch, report."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    order = read_order()
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    pid = start(order)
    report(pid=pid)
    sys.path[:] = order["import_path"]
    watch = Watch(pid, order["memory_bytes"])
    obey(watch)
    report(code=watch.code if watch.code is not None else 137, cause=watch.cause, peak_memory_bytes=watch.peak_bytes)


if __name__ == "__main__":
    main()
