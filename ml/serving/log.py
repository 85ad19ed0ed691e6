"""The server's log: one JSON line each on standard output, where the platform takes it from."""

import asyncio
import atexit
import json
import sys
import time
from functools import lru_cache

SECONDS_TO_GATHER = 0.1
ACCESS = '{"time": %.3f, "request": "%s", "path": %s, "status": %d, "milliseconds": %.3f, "bytes": %d}\n'


def say(**fields: object) -> None:
    """Write a line at once."""
    sys.stdout.write(json.dumps({"time": round(time.time(), 3), **fields}) + "\n")
    sys.stdout.flush()


# Most requests are for the same few paths.
_quoted = lru_cache(maxsize=64)(json.dumps)


class AccessLog:
    """A line for each request, written a moment later together with others.

    A write wakes whoever reads the log. On few processors that takes its time from the request being answered.
    """

    def __init__(self) -> None:
        self._lines: list[str] = []
        atexit.register(self.write)

    def say(self, request_id: str, path: str, status: int, seconds: float, size: int) -> None:
        """Take a line; call it on the event loop. The id is one that needs no escapes."""
        self._lines.append(ACCESS % (time.time(), request_id, _quoted(path), status, seconds * 1000, size))
        if len(self._lines) == 1:
            asyncio.get_running_loop().call_later(SECONDS_TO_GATHER, self.write)

    def write(self) -> None:
        """Write what was taken."""
        sys.stdout.write("".join(self._lines))
        sys.stdout.flush()
        self._lines.clear()
