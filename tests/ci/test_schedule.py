"""Tasks run after those that they need, side by side otherwise, and stop well."""

import os
import signal
import threading
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci.schedule import Task, run_all


def graphs() -> st.SearchStrategy[dict[str, frozenset[str]]]:
    """Tasks by name and what they need: each may need any before it."""

    def build(rows: list[list[bool]]) -> dict[str, frozenset[str]]:
        return {str(i): frozenset(str(j) for j, needed in enumerate(row[:i]) if needed) for i, row in enumerate(rows)}

    return st.lists(st.lists(st.booleans(), min_size=8, max_size=8), max_size=8).map(build)


def never() -> None:
    pytest.fail("nobody asked to stop")


@given(graph=graphs(), failing=st.sets(st.integers(0, 7).map(str)), workers=st.integers(1, 4))
def test_every_task_runs_once_after_its_needs_or_is_skipped(
    graph: dict[str, frozenset[str]], failing: set[str], workers: int
) -> None:
    ran: list[str] = []
    skipped: list[str] = []

    def work(name: str) -> Callable[[], bool]:
        def run() -> bool:
            assert graph[name] <= set(ran) - failing
            ran.append(name)
            return name not in failing

        return run

    def skip(name: str) -> Callable[[], None]:
        return lambda: skipped.append(name)

    well = run_all({n: Task(graph[n], work(n), skip(n)) for n in graph}, workers=workers, interrupt=never)
    assert sorted([*ran, *skipped]) == sorted(graph)
    assert well == (not failing & set(graph))
    assert all(graph[name] & (failing | set(skipped)) for name in skipped)


def test_independent_tasks_run_at_the_same_time() -> None:
    together = threading.Barrier(3, timeout=60)
    tasks = {str(i): Task(frozenset(), lambda: together.wait() >= 0) for i in range(3)}
    assert run_all(tasks, workers=3, interrupt=never)


def test_those_that_most_wait_for_start_first() -> None:
    ran: list[str] = []

    def work(name: str) -> Callable[[], bool]:
        return lambda: ran.append(name) is None

    needs = {"leaf": frozenset[str](), "root": frozenset[str](), "child": frozenset({"root"})}
    assert run_all({name: Task(needs[name], work(name)) for name in needs}, workers=1, interrupt=never)
    assert ran == ["root", "child", "leaf"] or ran == ["root", "leaf", "child"]


def test_a_long_task_starts_before_a_line_of_short_ones() -> None:
    ran: list[str] = []

    def task(name: str, needs: set[str], seconds: float) -> Task:
        return Task(frozenset(needs), lambda: ran.append(name) is None, seconds=seconds)

    tasks = {"root": task("root", set(), 1), "child": task("child", {"root"}, 1), "slow": task("slow", set(), 3)}
    assert run_all(tasks, workers=1, interrupt=never)
    assert ran[0] == "slow"


def test_ctrl_c_starts_nothing_new_and_waits_for_what_runs() -> None:
    begun, asked = threading.Event(), threading.Event()
    ended: list[str] = []

    def slow() -> bool:
        begun.set()
        assert asked.wait(60)
        ended.append("slow")
        return False

    def interrupting() -> bool:
        assert begun.wait(60)
        os.kill(os.getpid(), signal.SIGINT)
        return True

    tasks = {
        "slow": Task(frozenset(), slow),
        "ctrl-c": Task(frozenset(), interrupting),
        "after": Task(frozenset({"slow"}), lambda: ended.append("after") is None),
    }
    with pytest.raises(KeyboardInterrupt):
        run_all(tasks, workers=2, interrupt=asked.set)
    assert ended == ["slow"]


def test_a_defect_in_a_task_comes_out() -> None:
    def broken() -> bool:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_all({"a": Task(frozenset(), broken)}, workers=1, interrupt=lambda: None)
