"""A drift as the body of the issue that tells of it."""

from collections.abc import Sequence

from ci.changes import markdown
from ci.changes.resource import ResourceChange
from ci.drift import DriftResult

# What others did, in the words for that.
DONE = {"update": "changed", "destroy": "removed", "replace": "made anew", "create": "made"}


def drift_comment(result: DriftResult, *, most: int = markdown.MOST_OF_A_COMMENT) -> str:
    """Return what drifted, stack by stack, and the two ways out; in at most `most` characters."""
    stacks = markdown.counted(len(result.looked_at), "stack")
    looked = f"{sum(result.looked_at.values())} resources in {stacks}"
    if not result.total:
        return f"## Nothing drifted in `{result.environment}`\n\n{looked} are as the last deploy left them.\n"
    head = f"## `{result.environment}` drifted: {result.total} of {looked}\n\n"
    head += "Somebody changed or removed these by other ways than a deploy. To put them back: "
    head += f"`groundplan deploy {result.environment}`. To keep a change, write it into the environment's file first."
    for whole in (True, False):
        parts = [
            markdown.folded(f"<code>{stack}</code>: {len(changes)}", _listed(changes, values=whole))
            for stack, changes in result.stacks.items()
        ]
        if len(text := "\n\n".join([head, *parts]) + "\n") <= most:
            return text
    return f"{head}\n\n{', '.join(f'`{stack}`' for stack in result.stacks)}\n"


def _listed(changes: Sequence[ResourceChange], *, values: bool) -> str:
    lines = []
    for change in changes:
        lines.append(f"- {DONE[change.action]} {change.address}")
        lines += [f"!     {line}" for line in change.attributes if values]
    return markdown.fenced("diff", lines)
