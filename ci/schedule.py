"""Runs tasks in threads, each after those that it needs, and stops all of them well."""

from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass


@dataclass(frozen=True)
class Task:
    """A piece of work that tells by its return value whether those that need it may start."""

    needs: frozenset[str]
    run: Callable[[], bool]
    # Called in place of `run` when something that it needs did not succeed.
    skip: Callable[[], None] = lambda: None
    # About how long it takes; only the order of those that are ready depends on it.
    seconds: float = 1.0


def run_all(tasks: Mapping[str, Task], *, workers: int, interrupt: Callable[[], None]) -> bool:
    """Run `tasks` on `workers` threads and return whether all succeeded.

    Those at the head of the longest line start first. On Ctrl-C nothing new starts, `interrupt` is called (again for
    every further Ctrl-C), and KeyboardInterrupt is raised once what runs has ended.
    """
    order = sorted(tasks, key=lambda name: -_chain(tasks, name))
    outcome: dict[str, bool] = {}
    running: dict[Future[bool], str] = {}
    stopping = False
    with ThreadPoolExecutor(workers, thread_name_prefix="stack") as pool:
        while len(outcome) < len(tasks):
            try:
                if not stopping:
                    _start_ready(tasks, order, outcome, running, pool, workers)
                if not running:
                    break
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    name = running.pop(future)
                    outcome[name] = future.result()
            except BaseException as error:
                stopping = True
                interrupt()
                if not isinstance(error, KeyboardInterrupt):
                    raise
    if stopping:
        raise KeyboardInterrupt
    return all(outcome.values())


def _start_ready(
    tasks: Mapping[str, Task],
    order: list[str],
    outcome: dict[str, bool],
    running: dict[Future[bool], str],
    pool: ThreadPoolExecutor,
    workers: int,
) -> None:
    # Skips run through the order again, because a skipped task's own dependents may come before it.
    while skipped := [name for name in order if name not in outcome and _blocked(tasks[name], outcome)]:
        for name in skipped:
            tasks[name].skip()
            outcome[name] = False
    begun = set(running.values()) | outcome.keys()
    for name in order:
        if len(running) < workers and name not in begun and tasks[name].needs <= outcome.keys():
            running[pool.submit(tasks[name].run)] = name


def _blocked(task: Task, outcome: Mapping[str, bool]) -> bool:
    return any(outcome.get(name) is False for name in task.needs)


def _chain(tasks: Mapping[str, Task], name: str) -> float:
    """Return the seconds of the longest line that begins with `name`."""
    behind = (_chain(tasks, other) for other, task in tasks.items() if name in task.needs)
    return tasks[name].seconds + max(behind, default=0.0)
