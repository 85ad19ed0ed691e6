"""Requests that wait for a model, and how several of them become one call of it.

No request waits for company while the model is idle: those that came while it worked are the next batch. Only where
several were in hand when the last batch ended is it worth to wait until as many are again, for a bounded moment: who
came just too late for a batch would wait for all of it.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from math import ceil, inf
from time import monotonic
from typing import Any

from ml.errors import RequestError
from ml.serving.requests import Instance
from ml.serving.wakefulness import Wakefulness

MOST_ROWS = 32
# A call that surely takes less runs on the event loop: handing it to a thread and back costs more than it blocks.
INLINE_SECONDS = 0.002
# SageMaker's own patience with a real-time request.
MOST_SECONDS = 60.0
Predict = Callable[[list[Instance]], list[dict[str, Any]]]
Outcome = list[dict[str, Any]] | Exception


@dataclass(slots=True, eq=False)
class Work:
    """Rows of one request, what gets their outcome, and whether anybody still wants it."""

    rows: list[Instance]
    deliver: Callable[[Outcome], None]
    is_wanted: Callable[[], bool]
    # What to do with the rows if not to predict; never shared with other requests.
    alone: Predict | None = None
    # How many rows the model will see for it.
    weight: int = 1
    until: float = inf


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What a queue may hold, and how long a batch may wait for company."""

    most_queued_rows: int
    delay_seconds: float


class Batcher:
    """One model's queue. Used on the event loop only; the model runs there, or in the one thread of its own.

    `longest_seconds` is what its longest row takes; `observe` is told how many rows each call has.
    """

    def __init__(self, predict: Predict, longest_seconds: float, rules: Rules, observe: Callable[[int], None]) -> None:
        self._predict, self._longest_seconds, self._rules, self._observe = predict, longest_seconds, rules, observe
        self._loop = asyncio.get_running_loop()
        self._wakefulness = Wakefulness()
        self._lane = ThreadPoolExecutor(max_workers=1, thread_name_prefix="model")
        self._queue: deque[Work] = deque()
        self._running: list[Work] = []
        self._timer: asyncio.Handle | None = None
        self._is_hoping = False
        self._last_in_hand = 0
        self._rows_waiting = 0

    @property
    def in_hand(self) -> int:
        """How many requests wait or are worked on."""
        return len(self._queue) + len(self._running)

    def submit(self, work: Work) -> None:
        """Take work in, or raise `RequestError` when too much waits."""
        most = self._rules.most_queued_rows
        if self._queue and self._rows_waiting + work.weight > most:
            seconds = max(1, ceil(self._rows_waiting * self._longest_seconds))
            fix = f"call again in {seconds} s"
            raise RequestError(429, "queue", f"{self._rows_waiting} rows wait", f"and {most} may", fix, seconds)
        work.until = monotonic() + MOST_SECONDS
        self._queue.append(work)
        self._rows_waiting += work.weight
        if not self._running:
            self._schedule()

    def expire(self, now: float) -> None:
        """Answer those who waited too long, also for a call of the model that does not come back."""
        for work in [work for work in (*self._running, *self._queue) if work.until < now]:
            work.until = inf
            if work in self._queue:
                self._queue.remove(work)
                self._rows_waiting -= work.weight
            passed = f"{MOST_SECONDS:g} seconds"
            work.deliver(RequestError(503, "server", passed, "went by without an answer", "call again later", 1))

    def _schedule(self) -> None:
        """Start when the loop has read what clients have sent, or, for a moment, when as many wait as were in hand."""
        delay = self._rules.delay_seconds
        # To wait for longer than the model takes is never worth it.
        is_worth_it = 0 < delay < self._longest_seconds and self._rows_waiting < MOST_ROWS
        hopes = is_worth_it and self._last_in_hand > len(self._queue)
        if self._timer and self._is_hoping and not hopes:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._is_hoping = hopes
            later = self._loop.call_later
            self._timer = later(delay, self._start) if hopes else self._loop.call_soon(self._start)

    def _start(self) -> None:
        self._timer = None
        batch, rows = self._next_batch()
        if not batch:
            return
        self._running = batch
        self._observe(rows)
        if rows * self._longest_seconds <= INLINE_SECONDS:
            self._finish(self._call(batch))
            self._wakefulness.stay()
        else:
            called = self._loop.run_in_executor(self._lane, self._call, batch)
            called.add_done_callback(lambda done: self._finish(done.result()))

    def _next_batch(self) -> tuple[list[Work], int]:
        """Take the longest waiting requests, as many as fit; those that nobody waits for any more are dropped."""
        batch: list[Work] = []
        rows = 0
        while self._queue:
            work = self._queue[0]
            if work.is_wanted():
                if batch and (work.alone or batch[0].alone or rows + work.weight > MOST_ROWS):
                    break
                batch.append(work)
                rows += work.weight
            self._queue.popleft()
            self._rows_waiting -= work.weight
        return batch, rows

    def _call(self, batch: list[Work]) -> list[Outcome]:
        """Return each request's outcome; when a shared call fails, each is tried alone, so that one fails alone."""
        try:
            if batch[0].alone:
                return [batch[0].alone(batch[0].rows)]
            rows = [row for work in batch for row in work.rows]
            found = zip(rows, self._predict(rows), strict=True)
            return [[answer for _, answer in islice(found, len(work.rows))] for work in batch]
        except Exception as error:
            if len(batch) > 1:
                return [outcome for work in batch for outcome in self._call([work])]
            return [error]

    def _finish(self, outcomes: list[Outcome]) -> None:
        batch, self._running = self._running, []
        self._last_in_hand = len(batch) + len(self._queue)
        if self._queue:
            self._schedule()
        for work, outcome in zip(batch, outcomes, strict=True):
            work.deliver(outcome)
