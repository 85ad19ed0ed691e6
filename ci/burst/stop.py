"""What Ctrl-C, a cancelled workflow and a closed terminal do to a burst: it ends, and its end is not interrupted.

An exception at any moment could fall between a machine and the line that remembers it. So signals only leave word here,
but for where something else waits for long, and the burst looks at that word wherever it can end in good order.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stop:
    """Whether somebody wants the burst to stop; entered once, around all of it."""

    def __init__(self) -> None:
        self._word = self._raises = self._ending = False
        self._before: dict[signal.Signals, Any] = {}

    @property
    def wanted(self) -> bool:
        """Whether what is under way is to be given up; what ends a burst never is."""
        return self._word and not self._ending

    def check(self) -> None:
        """Raise `KeyboardInterrupt`, once the word is there."""
        if self.wanted:
            raise KeyboardInterrupt

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Raise in the middle of what is done here, as without any of this."""
        self._raises = True
        try:
            self.check()
            yield
        finally:
            self._raises = False

    @contextmanager
    def not_now(self) -> Iterator[None]:
        """Let nothing give up what is done here."""
        self._ending = True
        try:
            yield
        finally:
            self._ending = False

    def _take(self, number: int, frame: FrameType | None) -> None:
        self._word = True
        if self._raises:
            self._raises = False
            raise KeyboardInterrupt

    def __enter__(self) -> "Stop":
        # Python takes signals in its main thread alone. Who had SIGHUP ignored (`nohup`) wants it to be.
        if threading.current_thread() is threading.main_thread():
            wanted = [one for one in SIGNALS if signal.getsignal(one) is not signal.SIG_IGN]
            self._before = {one: signal.signal(one, self._take) for one in wanted}
        return self

    def __exit__(self, *_: object) -> None:
        for one, handler in self._before.items():
            signal.signal(one, handler)
