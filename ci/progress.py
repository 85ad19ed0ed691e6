"""Who is told how far a command is: nobody, a log, or a person at a terminal (ci/console.py)."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

from ci.stack_progress import StackProgress


class Progress:
    """Tells nobody; what a test or a program that only wants the result passes."""

    def say(self, line: str) -> None:
        """Tell one finished step or fact."""

    def follow(self, stacks: Sequence[StackProgress]) -> AbstractContextManager[None]:
        """Show `stacks`, which go on changing, for as long as the returned context is open."""
        return nullcontext()

    def changed(self, stack: StackProgress) -> None:
        """Take note that a stack went from one state to the next."""


QUIET = Progress()
