"""What a change costs, as the comment on a pull request."""

from collections.abc import Sequence

from ci.changes import markdown
from ci.estimate.change import Added, CostChange
from infra.prices import OLD_DAYS

MOST_ROWS = 15
_COLUMNS = ("idle, $/month>", "more>", "at the limit, $/month>", "more>")


def comment(change: CostChange) -> str:
    """Return the comment: the verdict, sums, what changed by part and resource, and what has no price."""
    parts = [f"## Cost of `{change.environment}`", _verdict(change), _sums(change)]
    for title, rows in (("by resource", change.resources), ("by tag", change.tags)):
        if rows:
            parts.append(markdown.folded(title, _table(title.removeprefix("by "), rows)))
    if change.errors:
        told = "\n".join(f"- error: {error}" for error in change.errors)
        parts.append(f"**No price, in no sum above:**\n\n{told}")
    return "\n\n".join([*parts, _prices(change)]) + "\n"


def _verdict(change: CostChange) -> str:
    if change.objections:
        return markdown.caution("**The cost gate is closed.**\n\n" + "\n".join(f"- {one}" for one in change.objections))
    if not change.total.is_some:
        return f"Nothing changes against `{change.against}`."
    gate = f"the gate lets through ${change.gate_idle_usd_per_month:,} and ${change.gate_worst_usd_per_month:,}"
    more = f"**{_signed(change.total.idle)} a month idle, {_signed(change.total.worst)} at the limit** against "
    return f"{more}`{change.against}`; {gate}."


def _sums(change: CostChange) -> str:
    name = "**all but what has no price**" if change.after.left_out else "**all**"
    rows = [*change.parts[:MOST_ROWS], change.total.model_copy(update={"name": name})]
    return _table("part", rows)


def _table(title: str, rows: Sequence[Added]) -> str:
    shown = [
        (f"`{one.name}`" if "*" not in one.name else one.name, *_figures(one.idle_after, one.idle), *_worst(one))
        for one in rows[: 10 * MOST_ROWS]
    ]
    return markdown.table((title, *_COLUMNS), shown)


def _worst(one: Added) -> tuple[str, str]:
    return _figures(one.worst_after, one.worst)


def _figures(usd: float, more: float) -> tuple[str, str]:
    return f"{usd:,.2f}", _signed(more) if more else ""


def _signed(usd: float) -> str:
    return f"{'+' if usd >= 0 else '-'}${abs(usd):,.2f}"


def _prices(change: CostChange) -> str:
    old = f"; {change.after.old_prices} of {change.after.prices} prices are older than {OLD_DAYS} days"
    told = f"Oldest price of {change.as_of}{old if change.after.old_prices else ''}. "
    told += "At the limit: every pool, endpoint and cluster at its most, on demand."
    assumed = "\n".join(f"- {line}" for line in change.after.assumptions)
    return f"<sub>{told}</sub>\n\n{markdown.folded('assumed', assumed)}"
