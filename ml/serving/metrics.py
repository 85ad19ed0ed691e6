"""What the server counts, in Prometheus' text format at GET /metrics.

The numbers lie in memory that all worker processes share, each writing rows of its own: whichever is asked tells the
sum, and one that starts again goes on where the lost one stopped, so that no counter ever falls.
"""

import mmap
from bisect import bisect_left
from collections.abc import Mapping, Sequence

BUCKETS_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
STATUSES = (200, 400, 404, 405, 408, 413, 415, 429, 431, 500, 503)
POSITION = {status: position for position, status in enumerate(STATUSES)}
BUCKETS = len(STATUSES)
SECONDS = BUCKETS + len(BUCKETS_SECONDS) + 1
BATCHES, ROWS, IN_HAND, CONNECTIONS, SLOTS = (SECONDS + further for further in range(1, 6))


class Board:
    """Shared numbers of so many workers, each with a row for every model and one for what concerns none, the first."""

    def __init__(self, workers: int = 1, models: int = 1) -> None:
        self._workers, self._rows = workers, models + 1
        self._numbers = memoryview(mmap.mmap(-1, workers * self._rows * SLOTS * 8)).cast("d")

    def row(self, worker: int, number: int) -> "Row":
        """Return one worker's numbers, to write."""
        return Row(self._slots(worker, number))

    def total(self, number: int) -> list[float]:
        """Return all workers' numbers, added up."""
        rows = (self._slots(worker, number) for worker in range(self._workers))
        return [sum(slot) for slot in zip(*rows, strict=True)]

    def _slots(self, worker: int, number: int) -> "memoryview[float]":
        start = (worker * self._rows + number) * SLOTS
        return self._numbers[start : start + SLOTS]


class Row:
    """One worker's numbers about one model."""

    def __init__(self, numbers: "memoryview[float]") -> None:
        self.numbers = numbers
        # A worker that was lost left how things stood with it.
        numbers[IN_HAND] = numbers[CONNECTIONS] = 0

    def answered(self, status: int, seconds: float) -> None:
        """Count one answer."""
        self.numbers[POSITION[status]] += 1
        self.numbers[BUCKETS + bisect_left(BUCKETS_SECONDS, seconds)] += 1
        self.numbers[SECONDS] += seconds

    def called(self, rows: int) -> None:
        """Count one call of the model with so many rows."""
        self.numbers[BATCHES] += 1
        self.numbers[ROWS] += rows


def page(board: Board, models: Mapping[str, str]) -> str:
    """Return what Prometheus scrapes; `models` holds each model's version, in the order of its rows."""
    totals = {name: board.total(number) for number, name in enumerate(["", *models])}
    info = [f'groundplan_model_info{{model="{name}",version="{version}"}} 1' for name, version in models.items()]
    connections = [f"groundplan_connections {totals[''][CONNECTIONS]:.0f}"]
    return "\n".join(
        (
            *_family("groundplan_model_info", "gauge", "The models that are served", info),
            *_family("groundplan_connections", "gauge", "Clients that are connected", connections),
            *_of_each("in_hand", "gauge", "Requests not yet answered", totals, IN_HAND),
            *_of_each("batches_total", "counter", "Calls of the model", totals, BATCHES),
            *_of_each("rows_total", "counter", "Rows in all calls of the model", totals, ROWS),
            *_family("groundplan_invocations_total", "counter", "Answers by status", _statuses(totals)),
            *_family("groundplan_invocation_seconds", "histogram", "From request to answer", _seconds(totals)),
            "",
        )
    )


def _family(name: str, kind: str, says: str, lines: Sequence[str]) -> list[str]:
    return [f"# HELP {name} {says}.", f"# TYPE {name} {kind}", *lines]


def _of_each(name: str, kind: str, says: str, totals: Mapping[str, list[float]], slot: int) -> list[str]:
    full = f"groundplan_invocations_{name}"
    lines = [f'{full}{{model="{model}"}} {numbers[slot]:.0f}' for model, numbers in totals.items() if model]
    return _family(full, kind, says, lines)


def _statuses(totals: Mapping[str, list[float]]) -> list[str]:
    return [
        f'groundplan_invocations_total{{model="{model}",status="{status}"}} {numbers[position]:.0f}'
        for model, numbers in totals.items()
        for status, position in POSITION.items()
        if numbers[position]
    ]


def _seconds(totals: Mapping[str, list[float]]) -> list[str]:
    lines = []
    for model, numbers in totals.items():
        reached = 0.0
        for bound, count in zip((*BUCKETS_SECONDS, "+Inf"), numbers[BUCKETS:SECONDS], strict=True):
            reached += count
            lines.append(f'groundplan_invocation_seconds_bucket{{model="{model}",le="{bound}"}} {reached:.0f}')
        lines.append(f'groundplan_invocation_seconds_sum{{model="{model}"}} {numbers[SECONDS]:.6f}')
        lines.append(f'groundplan_invocation_seconds_count{{model="{model}"}} {reached:.0f}')
    return lines
