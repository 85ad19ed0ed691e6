"""How far a training has come and how it does there, read off its log lines."""

import math
import re
from collections.abc import Iterable
from typing import Literal

# What a trial is judged by before its end. Held-out accuracy is the better judge, where a run measures it on the way.
Signal = Literal["accuracy", "loss", "nothing"]
# Parts of a run, in percent, at which trials are compared: runs of other batch sizes have other steps.
RUNGS = (25, 50, 75)

# Of a loss that is no number, or none that can be averaged.
WORST = -1e9

LENGTH = re.compile(r"\bsteps=(\d+)\b")
POINT = re.compile(r"\bstep=(\d+) (accuracy|loss)=(\S+)")


class Curve:
    """The curve of one job: feed it all lines in order, and it knows the rungs that were reached."""

    def __init__(self, signal: Signal) -> None:
        self._signal = signal
        self._steps = 0
        self._since: list[float] = []
        self.rungs: dict[int, float] = {}
        """Percent → mean of all that was told since the rung before; larger is better."""

    def read(self, lines: Iterable[str]) -> None:
        """Take note of some lines."""
        for line in lines:
            if not self._steps and (length := LENGTH.search(line)):
                self._steps = int(length[1])
            if (point := POINT.search(line)) and point[2] == self._signal:
                self._add(int(point[1]), float(point[3]) * (-1 if self._signal == "loss" else 1))

    def _add(self, step: int, value: float) -> None:
        self._since.append(value if math.isfinite(value) else WORST)
        reached = [
            rung for rung in RUNGS if self._steps and rung not in self.rungs and rung <= 100 * step / self._steps
        ]
        for rung in reached:
            self.rungs[rung] = sum(self._since) / len(self._since)
        if reached:
            self._since.clear()
