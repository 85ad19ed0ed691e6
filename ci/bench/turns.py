"""Lets processes take turns, a step each: whatever else a machine does then meets all of them alike.

Outside its turn a process is stopped, all its threads with it. So what it does beside its steps, a save or a word to
its tracker, takes its own time and nobody else's.
"""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from random import Random

SEED = 7


class Turns:
    """What a process holds that takes turns."""

    def __init__(self, referee: "Connection[float, None]") -> None:
        self._referee, self._began = referee, 0.0

    def next(self) -> None:
        """Tell how long the step took that ends here, and wait until the next one may begin."""
        self._referee.send(time.perf_counter() - self._began)
        self._referee.recv()
        self._began = time.perf_counter()


Play = Callable[[str, Turns], None]


class Player:
    """A process that runs only in its turns, once it has asked for its first."""

    def __init__(self, play: Play, name: str) -> None:
        context = multiprocessing.get_context("spawn")
        self._name = name
        self._connection, its = context.Pipe()
        self._process = context.Process(target=play, args=(name, Turns(its)), daemon=True)
        self._process.start()
        # Its own end alone is left open, so that its death is heard.
        its.close()

    def turn(self) -> float:
        """Let it take a step; return the seconds that it took."""
        self._signal(signal.SIGCONT)
        self._connection.send(None)
        return self.stopped()

    def stopped(self) -> float:
        """Wait until it is at a step's end, stop it there, and return what it told."""
        try:
            seconds: float = self._connection.recv()
        except EOFError:
            raise RuntimeError(f"{self._name} ended before its last turn") from None
        self._signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self._process.ident or 0, os.WSTOPPED)
        return seconds

    def end(self) -> None:
        """End it, stopped or not."""
        self._process.kill()
        self._process.join()

    def _signal(self, number: signal.Signals) -> None:
        os.kill(self._process.ident or 0, number)


def take(play: Play, names: Sequence[str], rounds: int) -> dict[str, list[float]]:
    """Return the seconds of each one's turns; in every round each has one, in an order by chance."""
    random = Random(SEED)  # noqa: S311 - a repeatable order, nothing secret
    took: dict[str, list[float]] = {name: [] for name in names}
    with _playing(play, names) as players:
        for _ in range(rounds):
            for name in random.sample(names, len(names)):
                took[name].append(players[name].turn())
    return took


@contextmanager
def _playing(play: Play, names: Sequence[str]) -> Iterator[dict[str, Player]]:
    """Start all, and hold each once it is ready."""
    players = {name: Player(play, name) for name in names}
    try:
        for player in players.values():
            player.stopped()
        yield players
    finally:
        for player in players.values():
            player.end()
