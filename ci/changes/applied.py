"""Applies a saved plan, stack by stack, and nothing that was not in it."""

from collections import Counter
from pathlib import Path

from ci.changes import resource
from ci.changes.saved import SavedPlan
from ci.manifest import Stack
from ci.stack_progress import StackProgress
from ci.stack_runner import StackRunner


class SavedSteps:
    """What a deploy does with each stack in its turn, by a plan whose files are in hand."""

    def __init__(self, runner: StackRunner, plan: SavedPlan, files: dict[str, Path]) -> None:
        self._runner, self._plan, self._files = runner, plan, files

    def step(self, stack: Stack, shown: StackProgress) -> bool:
        """Apply one stack's plan; tell whether that went well.

        A stack that reads what changed just before could not be planned for good: it is planned again now, and what
        that wants must have been reviewed.
        """
        saved, file = self._plan.stacks[stack.id], self._files[stack.id]
        if not saved.applies:
            return self._runner.leave(shown)
        shown.total = len(saved.changes)
        if saved.exact:
            _note_silent(shown, Counter(line.partition(" ")[0] for line in saved.changes))
            return self._runner.apply_plan(stack, shown, file)
        if not self._runner.plan(stack, shown, file=file):
            return False
        if unseen := saved.objections(list(map(str, resource.of_events(shown.changes)))):
            return self._runner.refuse(shown, *(f"not in the plan that was reviewed: {change}" for change in unseen))
        # Applying tells of the plan once more.
        planned = shown.planned.copy()
        shown.begin_again()
        _note_silent(shown, planned)
        return self._runner.apply_plan(stack, shown, file)


def _note_silent(shown: StackProgress, planned: Counter[str]) -> None:
    """Count what Terraform does not tell of when it applies a plan that it wrote before."""
    shown.planned.update({action: planned[action] for action in ("move", "import")})
