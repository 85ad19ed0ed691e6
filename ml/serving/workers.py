"""Several processes that take requests from one port, and a parent that starts those anew that were lost."""

import os
import signal
import socket
import sys
import time
from types import FrameType

from ml.errors import MlError
from ml.serving import log

# One that is lost sooner than this is not started again at once.
SECONDS_TO_LIVE = 1.0


def split(count: int, listener: socket.socket) -> int:
    """Become so many processes. Returns its number in each child; the parent watches them and never returns."""
    return _Parent(count, listener).watch()


class _Parent:
    def __init__(self, count: int, listener: socket.socket) -> None:
        self._listener = listener
        self._born: dict[int, tuple[int, float]] = {}
        self._exit_code: int | None = None
        self._missing = list(range(count))

    def watch(self) -> int:
        """Keep all alive until SIGTERM, or until one says that its input is bad; return in a child alone."""
        signal.signal(signal.SIGTERM, self._on_stop)
        while self._missing or self._born:
            while self._missing and self._exit_code is None:
                number = self._missing.pop()
                pid = os.fork()
                if pid == 0:
                    return number
                self._born[pid] = number, time.monotonic()
                if self._exit_code is not None:  # Told to stop before this one was known.
                    os.kill(pid, signal.SIGTERM)
            pid, status = os.wait()
            self._bury(*self._born.pop(pid), os.waitstatus_to_exitcode(status))
        sys.exit(self._exit_code)

    def _bury(self, number: int, born: float, code: int) -> None:
        if code == MlError.exit_code:
            self._stop(code)
        if self._exit_code is None:
            log.say(event="worker lost", worker=number, code=code)
            if time.monotonic() - born < SECONDS_TO_LIVE:
                time.sleep(SECONDS_TO_LIVE)
            self._missing.append(number)

    def _on_stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stop(0)

    def _stop(self, code: int) -> None:
        if self._exit_code is None:
            self._exit_code = code
            self._missing.clear()
            self._listener.close()  # Else who still comes would wait for a process that takes nobody in.
            for pid in self._born:
                os.kill(pid, signal.SIGTERM)
