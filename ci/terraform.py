"""Runs Terraform in the folder of one stack and follows what it does.

Its events go to a file, not a pipe: should this process be killed, Terraform is told to stop, finishes what it is
doing, and saves its state, where a broken pipe would have ended it in the middle of a resource.
"""

import ctypes
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ci.manifest import Stack

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass
class Terraform:
    """A Terraform program, the variables that it runs with, and its processes that run now."""

    program: Path
    variables: Mapping[str, str]
    # Where each stack's events are kept: <stack>.<command>.jsonl
    events: Path
    # Held by every child too, so that the environment stays locked while any of them works (ci/run_lock.py).
    lock_descriptor: int | None = None
    _running: set[subprocess.Popen[bytes]] = field(default_factory=set)
    _guard: threading.Lock = field(default_factory=threading.Lock)
    _interrupts: int = 0

    def run(self, stack: Stack, *arguments: str, watch: Callable[[str], None] = lambda line: None) -> int:
        """Run `terraform -chdir=… <arguments>`, hand each line that it writes to `watch`, return its exit status."""
        self.events.mkdir(parents=True, exist_ok=True)
        path = self.events / f"{stack.id}.{arguments[0]}.jsonl"
        with path.open("wb") as sink:
            child = self._start([str(self.program), f"-chdir={stack.folder}", *arguments], sink.fileno())
        try:
            return _follow(child, path, watch)
        finally:
            with self._guard:
                self._running.discard(child)

    def answer(self, stack: Stack, *arguments: str) -> str:
        """Run a command that only reads and return what it writes, which may hold secrets and so goes to no file."""
        command = [str(self.program), f"-chdir={stack.folder}", *arguments]
        # In a group of its own, as all others: a Ctrl-C is answered once, after it.
        done = subprocess.run(command, env=dict(self.variables), stdout=subprocess.PIPE, check=True, process_group=0)
        return done.stdout.decode()

    def interrupt(self) -> None:
        """Ask all that run to finish what they are doing and save it; the third time, end them at once."""
        with self._guard:
            self._interrupts += 1
            for child in self._running:
                if self._interrupts > 2:
                    child.kill()
                else:
                    child.send_signal(signal.SIGINT)

    @property
    def interrupted(self) -> bool:
        """Whether a stop was asked for."""
        return self._interrupts > 0

    def _start(self, command: Sequence[str], sink: int) -> subprocess.Popen[bytes]:
        with self._guard:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                env=dict(self.variables),
                # A group of its own, so that a terminal's Ctrl-C reaches it once, through us.
                process_group=0,
                pass_fds=() if self.lock_descriptor is None else (self.lock_descriptor,),
                preexec_fn=_stop_when_parent_dies,
            )
            self._running.add(child)
            if self._interrupts:
                child.send_signal(signal.SIGINT)
        return child


def _stop_when_parent_dies() -> None:
    """Let the kernel send Ctrl-C to this child when its parent is killed; runs between fork and exec."""
    if _libc:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGINT)


def _follow(child: subprocess.Popen[bytes], path: Path, watch: Callable[[str], None]) -> int:
    """Hand on what `child` appends to the file at `path` until it has ended and all was read."""
    held = ""
    with path.open(encoding="utf-8", errors="replace") as source:
        while True:
            status = child.poll()
            *lines, held = (held + source.read()).split("\n")
            for line in lines:
                watch(line)
            if status is not None:
                if held:
                    watch(held)
                return status
            time.sleep(0.05)
