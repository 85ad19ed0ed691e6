"""Being asked to stop: at once while there is nothing to lose, else after a save at the end of the current step."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from ml.errors import StoppedError

PHASES = ("start-up", "warm-up", "step", "evaluation", "save", "shutdown")


class StopRequest:
    """Whether the platform wants this job to stop (a reclaimed spot machine, a user, a time limit), and why.

    `phase` is what the job is doing; it is told in the message, for an operator who wonders what a reclaim met.
    """

    def __init__(self) -> None:
        self.requested = False
        self.reason = "SIGTERM"
        self.phase = PHASES[0]
        self.met_phase = ""
        self.hears_signals = True
        self._deferred = False

    def ask(self, reason: str) -> None:
        """Ask from any thread; the main thread gets a signal, for it may be anywhere."""
        self.reason = reason
        if self.hears_signals:
            os.kill(os.getpid(), signal.SIGTERM)
        else:
            self.requested, self.met_phase = True, self.phase

    def stopped(self, what: str) -> StoppedError:
        """Return the error that ends the job."""
        rule = f"came in phase {self.met_phase or self.phase}; {what}"
        return StoppedError("training job", self.reason, rule, "start the job again to go on from there")

    def _receive(self, _number: int, _frame: FrameType | None) -> None:
        # What is asked again, as a notice and SIGTERM often are, must not break into the stop that is under way.
        if self.requested:
            return
        self.requested, self.met_phase = True, self.phase
        if not self._deferred and self.phase != "shutdown":
            raise self.stopped("there was nothing to save yet")

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Let the code inside look at `requested` and stop when it can."""
        self._deferred = True
        try:
            yield
        finally:
            self._deferred = False


@contextmanager
def listening() -> Iterator[StopRequest]:
    """Answer SIGTERM with an orderly stop while a job runs."""
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        # A guest in somebody's process, such as a worker of Ray, whose signals are not ours.
        request.hears_signals = False
        yield request
        return
    before = signal.signal(signal.SIGTERM, request._receive)
    try:
        yield request
    finally:
        signal.signal(signal.SIGTERM, before)
