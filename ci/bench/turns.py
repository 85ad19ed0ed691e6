"""Lets processes take turns, a step each: whatever else a machine does then meets all of them alike.

Outside its turn a process is stopped, all its threads with it. So what it does beside its steps, a save or a word to
its tracker, takes its own time and nobody else's.
"""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from random import Random


class Turns:
    """What a process holds that takes turns."""

    def __init__(self, descriptor: int) -> None:
        self._referee: Connection[float, None] = Connection(descriptor)
        self._began = 0.0

    def next(self) -> None:
        """Tell how long the step took that ends here, and wait until the next one may begin."""
        self._referee.send(time.perf_counter() - self._began)
        self._referee.recv()
        self._began = time.perf_counter()


class Player:
    """A process that runs only in its turns, once it has asked for its first."""

    def __init__(self, name: str, command: Sequence[str]) -> None:
        self._name = name
        self._connection, its = Pipe()
        # Closed here, so that its own end alone is left and its death is heard.
        with its:
            self._process = subprocess.Popen((*command, str(its.fileno())), pass_fds=(its.fileno(),))

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
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED)
        return seconds

    def end(self) -> None:
        """End it, stopped or not."""
        self._process.kill()
        self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        os.kill(self._process.pid, number)


def take(commands: Mapping[str, Sequence[str]], rounds: int, *, seed: int) -> dict[str, list[float]]:
    """Return the seconds of each one's turns; in every round each has one, in an order by chance.

    A command gets one argument more: the descriptor that its `Turns` are made of.
    """
    random = Random(seed)  # noqa: S311 - a repeatable order, nothing secret
    took: dict[str, list[float]] = {name: [] for name in commands}
    with _playing(commands) as players:
        for _ in range(rounds):
            for name in random.sample(list(players), len(players)):
                took[name].append(players[name].turn())
    return took


@contextmanager
def _playing(commands: Mapping[str, Sequence[str]]) -> Iterator[dict[str, Player]]:
    """Start all, and hold each once it is ready."""
    players: dict[str, Player] = {}
    try:
        for name, command in commands.items():
            players[name] = Player(name, command)
        for player in players.values():
            player.stopped()
        yield players
    finally:
        for player in players.values():
            player.end()
