"""A plan as the comment on a pull request: what would be lost in red, then counts, then every change by stack."""

from collections import Counter
from collections.abc import Callable, Iterable

from ci.changes import markdown
from ci.changes.consent import LABEL
from ci.changes.picture import mermaid
from ci.changes.resource import ResourceChange
from ci.changes.shortened import shortened
from ci.plan import PlanResult, StackPlan
from ci.undeclared import way_out

# How GitHub colours a line of a diff: green, orange, red.
_MARKS = {"create": "+", "update": "!", "replace": "-", "destroy": "-", "move": "!", "import": "+", "forget": "!"}
_Lines = Callable[[Iterable[ResourceChange]], Iterable[str]]


def comment(result: PlanResult, *, most: int = markdown.MOST_OF_A_PLAN) -> str:
    """Return the plan in at most `most` characters; where all of it is longer, the least telling goes first.

    What would be lost and the counts always stay. Of the rest go, until it fits: values that are updated in place, then
    addresses (types and how many there are stay), then the stacks that only gain.
    """
    head = "\n\n".join([_title(result), *_red(result), *_undeclared(result), *_counts(result)])
    if not result.summary.total:
        return f"{head}\n"
    for note, lines in _VERBOSITIES:
        parts = [head, *([note] if note else []), *_details(result, lines), markdown.folded("graph", mermaid(result))]
        text = "\n\n".join(parts) + "\n"
        if len(text) <= most:
            return text
    note = "_All details are left out for their length: they are in the summary of the job._\n"
    return f"{shortened(head, most - len(note) - 2).rstrip()}\n\n{note}"


def _title(result: PlanResult) -> str:
    total = result.summary
    changing = [plan for plan in result.stacks.values() if plan.total]
    if not changing:
        return f"## Plan of `{result.environment}`\n\nNothing changes in {len(result.stacks)} stacks."
    counts = ", ".join(f"{total.counts[action]} to {action}" for action in total.shown)
    counts = f"**{counts}** in {len(changing)} of {markdown.counted(len(result.stacks), 'stack')}."
    return f"## Plan of `{result.environment}`\n\n{counts}"


def _red(result: PlanResult) -> list[str]:
    lines = [
        f"- `{stack}`: **{change.action}** `{change.address}`: {change.because or 'the provider says so'}"
        for stack, changes in result.losses.items()
        for change in changes
    ]
    if not lines:
        return []
    told = "**What these hold is lost: a deploy makes them anew, and empty, or not at all.**\n"
    yes = f"A pull request that wants this carries the label `{LABEL}`; a deploy of it names what goes."
    return [markdown.caution("\n".join([told, *lines, "", yes]))]


def _counts(result: PlanResult) -> list[str]:
    changing = {name: plan for name, plan in result.stacks.items() if plan.total}
    rows = [
        (f"`{name}`", *(plan.counts[action] for action in result.summary.shown), _waits(result, plan))
        for name, plan in changing.items()
    ]
    columns = ("stack", *(f"{action}>" for action in result.summary.shown), "reads what changes")
    return [markdown.table(columns, rows)] if rows else []


def _waits(result: PlanResult, plan: StackPlan) -> str:
    return ", ".join(name.removeprefix(f"{result.environment}-") for name in plan.awaits)


def _undeclared(result: PlanResult) -> list[str]:
    if not result.undeclared:
        return []
    count = markdown.counted(sum(one.resources for one in result.undeclared), "resource")
    head = f"**No code declares these any more; a deploy leaves them, and their {count} are still paid for.**\n"
    lines = [f"- `{one.stack}`: {markdown.counted(one.resources, 'resource')}" for one in result.undeclared]
    way = f"To end them, once this is deployed: `{way_out(result.environment, result.undeclared)}`"
    return [markdown.caution("\n".join([head, *lines, "", way]))]


def _details(result: PlanResult, lines: _Lines) -> Iterable[str]:
    for name, plan in result.stacks.items():
        if shown := list(lines(plan.changes)):
            title = f"<code>{name}</code>: {markdown.counted(plan.total, 'change')}"
            yield markdown.folded(title, markdown.fenced("diff", shown))


def _all(changes: Iterable[ResourceChange]) -> Iterable[str]:
    for change in changes:
        yield _one(change)
        yield from (f"{_MARKS[change.action]}     {line}" for line in change.attributes)


def _addresses(changes: Iterable[ResourceChange]) -> Iterable[str]:
    return map(_one, changes)


def _types(changes: Iterable[ResourceChange]) -> Iterable[str]:
    found = Counter((change.action, change.type) for change in changes)
    return (f"{_MARKS[action]} {action} {count} × {type_}" for (action, type_), count in found.items())


def _types_of_changed(changes: Iterable[ResourceChange]) -> Iterable[str]:
    listed = list(changes)
    return _types(listed) if any(change.action != "create" for change in listed) else ()


def _one(change: ResourceChange) -> str:
    why = f"  # {change.because}" if change.because else ""
    return f"{_MARKS[change.action]} {change.action} {change.address}{why}"


_VERBOSITIES: tuple[tuple[str, _Lines], ...] = (
    ("", _all),
    ("_Values are left out for their length: they are in the summary of the job._", _addresses),
    ("_Addresses are left out for their length: they are in the summary of the job._", _types),
    ("_Stacks that only gain are left out for their length: they are in the summary of the job._", _types_of_changed),
)
