"""One attempt at a training run: the real trainer in a process of its own, its log read as it is written.

The processes are forked from one that has imported torch already, so that a hundred of them take minutes, not an hour.
"""

import os
import re
import signal
import sys
import time
from multiprocessing import get_context
from pathlib import Path

from ml.contract import Container

# All that an attempt imports, some of it when it first uses a thing.
IMPORTED_ONCE = (
    "torch", "torch._inductor.config", "mlflow.tracking", "mlflow.store.tracking.sqlalchemy_store", "ml.training.job",
    "ml.models.review_writer.task", "ml.models.review_writer.baseline",
)  # fmt: skip
SECONDS_AT_MOST = 120.0
# What the trainer says when a phase begins and, for a save, when it ends.
MARKS = {
    "warm-up": re.compile(r"^ready "),
    "evaluation": re.compile(r"^evaluating step="),
    "save": re.compile(r"^checkpoint step=\d+ saving"),
    "saved": re.compile(r"^checkpoint step=\d+ saved"),
    "shutdown": re.compile(r"^saving the model"),
}
STEP = re.compile(r"^step=(\d+) loss=")
RESUMED = re.compile(r"resuming at step=(\d+)")


def _work(container: Container, log: Path) -> None:
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    import torch

    from ml.__main__ import main

    torch.set_num_threads(1)
    sys.exit(main(["train"], container))


class Attempt:
    """A trainer at work; `wait_for` its phases, strike it, and read what it said."""

    def __init__(self, container: Container, log: Path) -> None:
        context = get_context("forkserver")
        context.set_forkserver_preload(list(IMPORTED_ONCE))
        self._log, self._read = log, 0
        self.lines: list[tuple[float, str]] = []
        self._process = context.Process(target=_work, args=(container, log), daemon=True)
        self.began = time.monotonic()
        self._process.start()

    def wait_for(self, phase: str, times: int = 1) -> bool:
        """Return once the trainer has begun a phase so many times; False when it ended before."""
        while True:
            over = not self._process.is_alive()
            self._take_in()
            if self._count(phase) >= times:
                return True
            if over:
                return False
            self._process.join(0.01)

    def strike(self, number: signal.Signals) -> None:
        """Send a signal to it, if it still runs."""
        if self._process.is_alive() and self._process.pid:
            os.kill(self._process.pid, number)

    def ended(self, within: float = SECONDS_AT_MOST) -> int | None:
        """Wait for its end and return the exit code; None when it still runs after so long."""
        deadline = time.monotonic() + within
        while self._process.is_alive() and time.monotonic() < deadline:
            self._process.join(0.01)
            self._take_in()
        self._take_in()
        return self._process.exitcode

    @property
    def seconds(self) -> float:
        """How long it has run, to its last line."""
        return (self.lines[-1][0] if self.lines else time.monotonic()) - self.began

    @property
    def step(self) -> int:
        """The last step that it said was done."""
        return max((int(found[1]) for _, line in self.lines if (found := STEP.match(line))), default=self.resumed_at)

    @property
    def resumed_at(self) -> int:
        """The step that it went on from."""
        return next((int(found[1]) for _, line in self.lines if (found := RESUMED.search(line))), 0)

    @property
    def text(self) -> str:
        """All that it said."""
        return "\n".join(line for _, line in self.lines)

    def _count(self, phase: str) -> int:
        if phase == "start-up":
            return 1
        if phase == "step":
            return int(any(STEP.match(line) for _, line in self.lines))
        return sum(bool(MARKS[phase].match(line)) for _, line in self.lines)

    def _take_in(self) -> None:
        if not self._log.exists():
            return
        with self._log.open("rb") as file:
            file.seek(self._read)
            new = file.read()
        whole = new[: new.rfind(b"\n") + 1]
        self._read += len(whole)
        now = time.monotonic()
        self.lines += [(now, line) for line in whole.decode(errors="replace").splitlines()]
