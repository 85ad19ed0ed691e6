"""How the command speaks: results on standard output, everything else on standard error, colour only for a terminal."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ci.progress import Progress
from ci.result import Result
from ci.stack_progress import StackProgress

if TYPE_CHECKING:
    from rich.console import Group, RenderableType
    from rich.table import Table


def show(result: Result, as_json: bool, text: "RenderableType") -> None:
    """Print a result: as JSON, or as the text that a person reads."""
    if as_json:
        sys.stdout.write(result.model_dump_json(indent=2) + "\n")
        return
    from rich.console import Console

    # A pipe has no width of its own: nothing is folded for it.
    Console(soft_wrap=True, highlight=False, width=None if sys.stdout.isatty() else 1000).print(text)


def table(*columns: str, rows: Sequence[Sequence[object]], title: str | None = None) -> "Table":
    """Return a plain table; columns whose name ends with '>' are set flush right."""
    from rich.table import Table

    drawn = Table(box=None, pad_edge=False, title=title, title_justify="left", header_style="bold")
    for column in columns:
        drawn.add_column(column.rstrip(">"), justify="right" if column.endswith(">") else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*map(str, row))
    return drawn


def stacked(*parts: "RenderableType") -> "Group":
    """Return tables and lines, one below the other."""
    from rich.console import Group

    return Group(*parts)


def terminal_progress() -> Progress:
    """Return a live display for a terminal, plain lines for a log."""
    return LiveProgress() if sys.stderr.isatty() else LineProgress()


class LineProgress(Progress):
    """One line for each thing that is done, for logs and pipes."""

    def say(self, line: str) -> None:
        """Print the line on standard error."""
        # One write, so that threads do not share a line.
        sys.stderr.write(f"{line}\n")

    def changed(self, stack: StackProgress) -> None:
        """Print how the stack ended; what it went through on the way says nothing to a log."""
        if not stack.ended:
            return
        self.say(f"{stack.stack:<32} {stack.state:<12} {_count(stack):>10} {stack.seconds:6.1f} s")


class LiveProgress(LineProgress):
    """A table of all stacks that moves while Terraform works."""

    @contextmanager
    def follow(self, stacks: Sequence[StackProgress]) -> Iterator[None]:
        """Redraw the table four times a second."""
        from rich.console import Console
        from rich.live import Live

        with Live(
            get_renderable=lambda: stacks_table(stacks),
            console=Console(stderr=True, highlight=False),
            refresh_per_second=4,
        ):
            yield

    def changed(self, stack: StackProgress) -> None:
        """Print nothing: the table shows it."""


MARKS = {"done": "[green]✓[/]", "failed": "[red]✗[/]", "skipped": "[yellow]–[/]", "interrupted": "[yellow]■[/]"}


def stacks_table(stacks: Sequence[StackProgress]) -> "Table":
    """Return what each stack is at, one row each."""
    rows = [
        (
            MARKS.get(stack.state, " " if stack.state == "waiting" else "[cyan]•[/]"),
            stack.stack,
            stack.state,
            _count(stack),
            f"{stack.seconds:.1f} s" if stack.started else "",
            next(iter(stack.working), ""),
        )
        for stack in stacks
    ]
    drawn = table("", "stack", "state", "done>", "time>", "now", rows=rows)
    for column in drawn.columns:
        column.no_wrap = True
        column.overflow = "ellipsis"
    return drawn


def _count(stack: StackProgress) -> str:
    if not stack.total:
        return ""
    # A plan changes nothing and so gets nothing done.
    return f"{stack.total} changes" if stack.state == "done" and not stack.done else f"{stack.done}/{stack.total}"
