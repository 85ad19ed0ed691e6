"""A drift as the body of the issue that tells of it."""

from ci.changes import markdown
from ci.changes.comment import detailed
from ci.drift import DriftResult


def drift_comment(result: DriftResult, *, most: int = markdown.MOST_OF_A_COMMENT) -> str:
    """Return what drifted, stack by stack, and the two ways out; in at most `most` characters."""
    looked = f"{sum(result.looked_at.values())} resources in {markdown.counted(len(result.looked_at), 'stack')}"
    if not result.total:
        return f"## Nothing drifted in `{result.environment}`\n\n{looked} are as the last deploy left them.\n"
    drifted = markdown.counted(result.total, "resource")
    head = f"## `{result.environment}` drifted: {drifted} of {looked}\n\n"
    head += "Somebody changed or removed these by other ways than a deploy. To put them back: "
    head += f"`groundplan deploy {result.environment}`. To keep a change, write it into the environment's file first."
    for whole in (True, False):
        parts = [
            markdown.folded(f"<code>{stack}</code>: {len(changes)}", detailed(changes, values=whole))
            for stack, changes in result.stacks.items()
        ]
        if len(text := "\n\n".join([head, *parts]) + "\n") <= most:
            return text
    return f"{head}\n\n{', '.join(f'`{stack}`' for stack in result.stacks)}\n"
