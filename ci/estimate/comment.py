"""What a change costs, as the comment on a pull request; and an estimate alone, as Markdown."""

from collections.abc import Callable, Iterable, Sequence

from ci.changes import markdown
from ci.changes.shortened import shortened
from ci.estimate.change import Added, CostChange
from ci.estimate.report import Estimate, Sum
from ci.estimate.table import least
from infra.prices import OLD_DAYS

MOST_ROWS = 15
# How many rows the folded tables may have: the first that fits.
_ROWS = (150, 60, 30, MOST_ROWS, 0)
# Each says what its resource lacks; the gate has said which prices those are.
_MOST_ERRORS = 20
_CHANGED = ("idle, $/month>", "more>", "at the limit, $/month>", "more>")
_ESTIMATED = ("always on, $/month>", "idle, $/month>", "at the limit, $/month>")
_Details = Callable[[int], Iterable[str]]


def comment(change: CostChange, *, most: int = markdown.MOST_OF_A_COST) -> str:
    """Return the comment in at most `most` characters: the verdict, sums, what changes by part, and what has no price.

    What changes by resource and by tag, and what is assumed, go first where all of it is longer.
    """
    title = f"## Cost of `{change.environment}`"
    head = [title, _verdict(change), *_left(change), *_sums(change), *_ends(change.after)]
    tables = (("by resource", change.resources), ("by tag", change.tags))

    def details(rows: int) -> Iterable[str]:
        for title, found in tables:
            if found and rows:
                yield markdown.folded(title, _changes(title.removeprefix("by "), found, rows))

    return _fitted(head, details, change.after, most)


def estimate_comment(estimate: Estimate, *, most: int = markdown.MOST_OF_A_SUMMARY) -> str:
    """Return an estimate alone in at most `most` characters: its sums by part, and folded those by tag."""
    total = estimate.total
    told = f"**{_usd(total.idle_usd_per_month, total.idle_at_least)} a month idle, "
    told += f"{_usd(total.worst_usd_per_month, total.worst_at_least)} with everything at its limit**; "
    told += f"budget ${estimate.budget_usd_per_month:,.0f}."
    rows = [*estimate.parts.items(), ("**all**", total)]
    head = [f"## Cost of `{estimate.environment}`", told, _split("part", rows), *_ends(estimate)]

    def details(most_rows: int) -> Iterable[str]:
        for tag, values in estimate.tags.items():
            if len(values) > 1 and most_rows:
                yield markdown.folded(f"by {tag}", _split(tag, list(values.items())[:most_rows]))

    return _fitted(head, details, estimate, most)


def _fitted(head: list[str], details: _Details, estimate: Estimate, most: int) -> str:
    assumed = markdown.folded("assumed", "\n".join(f"- {line}" for line in estimate.assumptions))
    for rows in _ROWS:
        text = "\n\n".join([*head, *details(rows), assumed]) + "\n"
        if len(text) <= most:
            return text
    return shortened("\n\n".join(head) + "\n", most)


def _verdict(change: CostChange) -> str:
    if change.objections:
        return markdown.caution("**The cost gate is closed.**\n\n" + "\n".join(f"- {one}" for one in change.objections))
    if not change.total.is_some:
        return f"Nothing changes against `{change.base}`."
    gate = f"the gate lets through ${change.gate_idle_usd_per_month:,} and ${change.gate_worst_usd_per_month:,}"
    total = change.total
    more = f"**{_signed(total.idle, total.idle_more_at_least)} a month idle, "
    more += f"{_signed(total.worst, total.worst_more_at_least)} at the limit** against "
    return f"{more}`{change.base}`; {gate}."


def _left(change: CostChange) -> list[str]:
    """A deploy leaves alone what a stack made that is declared no more."""
    if not change.gone:
        return []
    names = ", ".join(f"`{name}`" for name in change.gone)
    told = f"**Not saved until somebody destroys it:** what {names} made. A deploy leaves it as it is, and it is paid "
    told += f"until `groundplan destroy {change.environment} --undeclared {','.join(change.gone)}` ends it."
    return [told]


def _sums(change: CostChange) -> list[str]:
    name = "**all but what has no price**" if change.after.left_out else "**all**"
    rows = [*change.parts[:MOST_ROWS], change.total.model_copy(update={"name": name})]
    more = len(change.parts) - MOST_ROWS
    return [_changes("part", rows), *([f"_And {markdown.counted(more, 'smaller part')} more._"] if more > 0 else [])]


def _changes(title: str, rows: Sequence[Added], most: int = MOST_ROWS + 1) -> str:
    shown = [
        (
            _named(one.name),
            _figure(one.idle_after, one.idle_at_least),
            _more(one.idle, one.idle_more_at_least),
            _figure(one.worst_after, one.worst_at_least),
            _more(one.worst, one.worst_more_at_least),
        )
        for one in rows[:most]
    ]
    left = len(rows) - len(shown)
    told = markdown.table((title, *_CHANGED), shown)
    return f"{told}\n\n_And {left} smaller._" if left else told


def _split(title: str, rows: Sequence[tuple[str, Sum]]) -> str:
    shown = [
        (
            _named(name),
            _figure(sums.always_on_usd_per_month, sums.always_on_at_least),
            _figure(sums.idle_usd_per_month, sums.idle_at_least),
            _figure(sums.worst_usd_per_month, sums.worst_at_least),
        )
        for name, sums in rows
    ]
    return markdown.table((title, *_ESTIMATED), shown)


def _named(name: str) -> str:
    return name if "*" in name else f"`{name}`"


def _figure(usd: float, at_least: bool) -> str:
    return f"{least(at_least)}{usd:,.2f}"


def _usd(usd: float, at_least: bool) -> str:
    return f"{least(at_least)}${usd:,.2f}"


def _more(usd: float, at_least: bool) -> str:
    return _signed(usd, at_least) if usd or at_least else ""


def _signed(usd: float, at_least: bool) -> str:
    return f"{least(at_least)}{'+' if usd >= 0 else '-'}${abs(usd):,.2f}"


def _ends(estimate: Estimate) -> list[str]:
    """What no sum holds, and how old the prices are."""
    told = [f"- error: {error}" for error in estimate.errors[:_MOST_ERRORS]]
    if (more := len(estimate.errors) - _MOST_ERRORS) > 0:
        told.append(f"- and {more} more")
    lacking = ["**No price, so that a sum with ≥ lacks it:**\n\n" + "\n".join(told)] if told else []
    old = f"; {estimate.old_prices} of {estimate.prices} prices are older than {OLD_DAYS} days"
    priced = f"Oldest price of {estimate.as_of}{old if estimate.old_prices else ''}. "
    priced += "At the limit: every pool, endpoint and cluster at its most, on demand. "
    priced += "Idle: each at its least, by the hours of its schedules. "
    priced += f"Not in any sum: {', '.join(estimate.not_in_any_sum)}."
    return [*lacking, f"<sub>{priced}</sub>"]
