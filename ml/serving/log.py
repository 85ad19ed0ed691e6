"""The server's log: one JSON line each on standard output, where the platform takes it from."""

import asyncio
import atexit
import json
import sys
import time

SECONDS_TO_GATHER = 0.1


def say(**fields: object) -> None:
    """Write a line at once."""
    sys.stdout.write(_line(fields))
    sys.stdout.flush()


class AccessLog:
    """A line for each request, written a moment later together with others.

    A write wakes whoever reads the log. On few processors that takes its time from the request being answered.
    """

    def __init__(self) -> None:
        self._lines: list[str] = []
        atexit.register(self._write)

    def say(self, **fields: object) -> None:
        """Take a line; call it on the event loop."""
        self._lines.append(_line(fields))
        if len(self._lines) == 1:
            asyncio.get_running_loop().call_later(SECONDS_TO_GATHER, self._write)

    def _write(self) -> None:
        sys.stdout.write("".join(self._lines))
        sys.stdout.flush()
        self._lines.clear()


def _line(fields: dict[str, object]) -> str:
    return json.dumps({"time": round(time.time(), 3), **fields}) + "\n"
