"""All connections there are: how many, what they hold in memory, whose time is up, and how they leave in peace."""

import asyncio
import resource
from typing import Protocol

TICK_SECONDS = 0.25
# What the process opens besides connections: the model, the log, the loop.
FILES_KEPT_BACK = 64
MOST_FILES = 100_000
# What all requests in hand may hold of memory before further bodies are refused.
MOST_BYTES_HELD = 256 * 1024 * 1024
# A client that comes back within so long after SIGTERM is still answered.
LEAVING_SECONDS = 0.5


class Client(Protocol):
    """What is asked of a connection."""

    deadline: float

    def expire(self) -> None:
        """Act on a passed deadline."""
        ...

    def leave_soon(self, seconds: float) -> None:
        """Close when nothing comes for so long."""
        ...


class Clients:
    """One walk over all connections each tick costs less than a timer for each request."""

    def __init__(self) -> None:
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.most = MOST_FILES if files == resource.RLIM_INFINITY else min(MOST_FILES, files - FILES_KEPT_BACK)
        self.most_bytes_held, self.bytes_held = MOST_BYTES_HELD, 0
        self.are_leaving = False
        self._connections: set[Client] = set()

    def __len__(self) -> int:
        return len(self._connections)

    def add(self, connection: Client) -> bool:
        """Take a new connection in; False when there is no place for it to stay."""
        self._connections.add(connection)
        if self.are_leaving:
            connection.leave_soon(LEAVING_SECONDS)
        return len(self._connections) <= self.most

    def remove(self, connection: Client) -> None:
        """Forget a connection that is gone."""
        self._connections.discard(connection)

    def tick(self, now: float) -> None:
        """Let go of those whose time is up."""
        for connection in [one for one in self._connections if one.deadline < now]:
            connection.expire()

    def begin_to_leave(self) -> None:
        """From now on each answer is a connection's last, and an idle connection is closed after a moment."""
        self.are_leaving = True
        for connection in tuple(self._connections):
            connection.leave_soon(LEAVING_SECONDS)

    async def have_left(self) -> None:
        """Wait until all are gone."""
        while self._connections:
            await asyncio.sleep(TICK_SECONDS / 5)
