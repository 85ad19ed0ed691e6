"""One thread that does the small regular work of all machines: sending logs and metrics, letting idle servers go."""

import threading
from collections.abc import Callable

from infra.localcloud.event_log import EventLog

SECONDS = 0.25


class Ticker:
    """Calls each task every quarter of a second until it is stopped; a task that fails is logged and called again."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._tasks: list[Callable[[], None]] = []
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="machines' ticker", daemon=True)
        self._thread.start()

    def add(self, task: Callable[[], None]) -> None:
        """Call `task` from now on."""
        self._tasks = [*self._tasks, task]

    def remove(self, task: Callable[[], None]) -> None:
        """Call it no more."""
        self._tasks = [kept for kept in self._tasks if kept != task]

    def stop(self) -> None:
        """Call nothing any more. What is still pending is lost, as all state of a cloud is when it stops."""
        self._stopped.set()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        while not self._stopped.wait(SECONDS):
            for task in self._tasks:
                try:
                    task()
                except Exception:
                    self._log.error("a regular task of the machines failed", task=getattr(task, "__qualname__", ""))
