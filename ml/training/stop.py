"""SIGTERM: at once while there is nothing to lose, at the next step once the loop has something to save."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from ml.errors import StoppedError


class StopRequest:
    """Whether the platform has asked this job to stop (a reclaimed spot machine, a user, a time limit)."""

    def __init__(self) -> None:
        self.requested = False
        self._deferred = False

    def _receive(self, _number: int, _frame: FrameType | None) -> None:
        self.requested = True
        if not self._deferred:
            raise StoppedError("training job", "SIGTERM", "came before the first step", "start the job again")

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
    before = signal.signal(signal.SIGTERM, request._receive)
    try:
        yield request
    finally:
        signal.signal(signal.SIGTERM, before)
