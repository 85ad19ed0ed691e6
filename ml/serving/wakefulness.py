"""A server that stays awake for a moment after each answer.

A client that asks anew as soon as it is answered finds the process running: to be woken takes a processor longer than
all that the server does for a light model. Whoever's next request takes longer finds it asleep, as ever.
"""

import asyncio
from time import monotonic

SECONDS_AWAKE = 0.0002


class Wakefulness:
    """Keeps the event loop from going to sleep."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._until = 0.0
        self._is_awake = False

    def stay(self) -> None:
        """Stay awake for a moment from now on."""
        self._until = monotonic() + SECONDS_AWAKE
        if not self._is_awake:
            self._is_awake = True
            self._loop.call_soon(self._look)

    def _look(self) -> None:
        if monotonic() < self._until:
            self._loop.call_soon(self._look)
        else:
            self._is_awake = False
