"""The estimate as a person reads it: sums, bars, what is left out and what was assumed."""

from typing import TYPE_CHECKING

from ci import console
from ci.estimate.report import Estimate, Sum
from infra.prices import OLD_DAYS

if TYPE_CHECKING:
    from rich.console import Group

MOST_LINES = 25
BAR_WIDTH = 30


def drawn(estimate: Estimate) -> "Group":
    """Return the estimate as tables."""
    from rich.console import Group

    title = f"{estimate.environment}: estimated US dollars, the oldest price of {estimate.as_of}; spot at its worst"
    budget = f"budget ${estimate.budget_usd_per_month:,.0f} a month"
    if estimate.budget_hours_at_worst is not None:
        budget += f": spent after {estimate.budget_hours_at_worst:,.1f} hours at the worst of all"
    parts: list[object] = [_sums(estimate, title), budget, *_age(estimate), "", _lines(estimate), "", _uses(estimate)]
    if estimate.errors:
        parts += ["", "[bold red]no price, in no sum above:[/]", *(f"  error: {error}" for error in estimate.errors)]
    if estimate.not_priced:
        listed = ", ".join(f"{kind} × {count}" for kind, count in estimate.not_priced.items())
        parts += ["", f"not priced (no rule for the type, in no sum above): {listed}"]
    parts += ["", "assumed:", *(f"  {line}" for line in estimate.assumptions)]
    return Group(*parts)  # type: ignore[arg-type]


def _age(estimate: Estimate) -> list[str]:
    if not estimate.old_prices:
        return []
    old = f"{estimate.old_prices} of {estimate.prices} prices are older than {OLD_DAYS} days"
    renew = f"renew them: groundplan prices refresh {estimate.environment}"
    return [f"[yellow]warning:[/] {old}; {renew} (what AWS's list lacks stands in infra/prices.csv)"]


def _sums(estimate: Estimate, title: str) -> object:
    most = max((sums.worst_usd_per_hour for sums in estimate.stacks.values()), default=0) or 1
    rows = [(name, *_figures(sums), _bar(sums.worst_usd_per_hour / most)) for name, sums in estimate.stacks.items()]
    rows.append(("total", *_figures(estimate.total), ""))
    columns = (
        "stack",
        "always on/h>",
        "idle/h>",
        "worst/h>",
        "always on/month>",
        "idle/month>",
        "worst/month>",
        "worst",
    )
    return console.table(*columns, rows=rows, title=title)


def _figures(sums: Sum) -> tuple[str, ...]:
    hourly = (sums.always_on_usd_per_hour, sums.idle_usd_per_hour, sums.worst_usd_per_hour)
    monthly = (sums.always_on_usd_per_month, sums.idle_usd_per_month, sums.worst_usd_per_month)
    return (*(f"{usd:,.3f}" for usd in hourly), *(f"{usd:,.0f}" for usd in monthly))


def _bar(share: float) -> str:
    return "█" * round(share * BAR_WIDTH)


def _lines(estimate: Estimate) -> object:
    rows = [
        (line.stack, line.resource, line.what, f"{line.idle_usd_per_hour:,.3f}", f"{line.worst_usd_per_hour:,.3f}")
        for line in estimate.lines[:MOST_LINES]
    ]
    left = estimate.lines[MOST_LINES:]
    if left:
        idle, worst = (sum(getattr(line, f"{kind}_usd_per_hour") for line in left) for kind in ("idle", "worst"))
        rows.append((f"… {len(left)} smaller ones", "", "", f"{idle:,.3f}", f"{worst:,.3f}"))
    return console.table("stack", "resource", "what", "idle/hour>", "worst/hour>", rows=rows)


def _uses(estimate: Estimate) -> object:
    rows = [(use.what, f"{use.usd:g}", use.unit, use.resources) for use in estimate.by_use]
    return console.table("by use, in no sum", "USD>", "for each", "resources>", rows=rows)
