"""The estimate as a person reads it: sums, bars, what is left out and what was assumed."""

from typing import TYPE_CHECKING

from ci import console
from ci.errors import CommandError
from ci.estimate.report import Estimate, Sum, Use
from infra.prices import OLD_DAYS
from infra.spec.errors import nearest

if TYPE_CHECKING:
    from rich.console import Group

MOST_LINES = 20
BAR_WIDTH = 10
# What costs less in an hour is not worth a row.
LEAST_USD = 0.005


LEGEND = (
    "always on: paid from deploy to destroy, used or not; idle: that, and the least of what scales, "
    "by the hours of its schedules; worst: every limit reached"
)


def drawn(estimate: Estimate, *, everything: bool = False) -> "Group":
    """Return the estimate as tables; what is paid by use and what was assumed stand there with `everything`."""
    from rich.console import Group
    from rich.text import Text

    title = f"{estimate.environment}: estimated US dollars, every limit reached on demand at worst"
    title += f"; oldest price of {estimate.as_of}"
    budget = f"budget ${estimate.budget_usd_per_month:,.0f} a month"
    if estimate.budget_hours_at_worst is not None:
        most = "at most " if estimate.total.worst_at_least else ""
        budget += f": spent after {most}{estimate.budget_hours_at_worst:,.1f} hours at the worst of all"
    parts: list[object] = [_sums(estimate, title), LEGEND, budget, *_age(estimate), "", _lines(estimate)]
    if estimate.errors:
        # What is told may hold brackets, which are no colour.
        told = [Text(f"  error: {error}") for error in estimate.errors]
        parts += ["", "[bold red]no price, so that a sum with ≥ lacks it:[/]", *told]
    parts += ["", f"not in any sum: {', '.join(estimate.not_in_any_sum)}"]
    if everything:
        parts += ["", _uses(estimate), "", "assumed:", *(f"  {line}" for line in estimate.assumptions)]
    else:
        hidden = f"{len(estimate.by_use)} prices by use, in no sum, and {len(estimate.assumptions)} assumptions"
        parts += ["", f"{hidden}: groundplan cost {estimate.environment} --all"]
    return Group(*parts)  # type: ignore[arg-type]


def drawn_by(estimate: Estimate, by: str) -> "Group":
    """Return its sums by `part`, by `stack`, or by the values of a tag."""
    kinds = {"part": estimate.parts, "stack": estimate.stacks} | estimate.tags
    if by not in kinds:
        fix = nearest(by, tuple(kinds), otherwise=f"there are {', '.join(kinds)}")
        raise CommandError(thing="--by", value=repr(by), rule="is nothing that an estimate is split by", fix=fix)
    rows = [(name, *_figures(sums)) for name, sums in kinds[by].items()]
    columns = (by, "always on/h>", "idle/h>", "worst/h>", "idle/month>", "worst/month>")
    title = f"{estimate.environment}: estimated US dollars; oldest price of {estimate.as_of}"
    drawn = console.table(*columns, rows=[*rows, _total(estimate)], title=title)
    return console.stacked(drawn, *(f"[bold red]error:[/] {error}" for error in estimate.errors))


def _age(estimate: Estimate) -> list[str]:
    if not estimate.old_prices:
        return []
    old = f"{estimate.old_prices} of {estimate.prices} prices are older than {OLD_DAYS} days"
    renew = f"renew them: groundplan prices refresh {estimate.environment}"
    return [f"[yellow]warning:[/] {old}; {renew} (what AWS's list lacks stands in infra/prices.csv)"]


def _sums(estimate: Estimate, title: str) -> object:
    """The stacks, the dearest first; those that cost nothing by the hour are one row."""
    most = estimate.total.worst_usd_per_hour or 1
    order = sorted(estimate.stacks.items(), key=lambda one: -one[1].worst_usd_per_hour)
    paid = [(name, sums) for name, sums in order if sums.worst_usd_per_hour >= LEAST_USD or sums.worst_at_least]
    rows = [
        (
            _inside(estimate, name),
            *_figures(sums),
            _bar(sums.worst_usd_per_hour / most),
            f"{sums.worst_usd_per_hour / most:.0%}",
        )
        for name, sums in paid
    ]
    if len(paid) < len(order):
        rest = Sum.of(line for line in estimate.lines if line.stack not in dict(paid))
        rows.append((f"{len(order) - len(paid)} others", *_figures(rest), "", ""))
    rows.append((*_total(estimate), "", ""))
    columns = ("stack", "always on/h>", "idle/h>", "worst/h>", "idle/month>", "worst/month>", "", "of worst>")
    return console.table(*columns, rows=rows, title=title)


def _inside(estimate: Estimate, stack: str) -> str:
    return stack.removeprefix(f"{estimate.environment}-")


def _figures(sums: Sum) -> tuple[str, ...]:
    idle, worst = least(sums.idle_at_least), least(sums.worst_at_least)
    return (
        f"{least(sums.always_on_at_least)}{sums.always_on_usd_per_hour:,.3f}",
        f"{idle}{sums.idle_usd_per_hour:,.3f}",
        f"{worst}{sums.worst_usd_per_hour:,.3f}",
        f"{idle}{sums.idle_usd_per_month:,.0f}",
        f"{worst}{sums.worst_usd_per_month:,.0f}",
    )


def least(at_least: bool) -> str:
    """Return the mark of a sum that lacks a price."""
    return "≥ " if at_least else ""


def _total(estimate: Estimate) -> tuple[str, ...]:
    return ("total", *_figures(estimate.total))


def _bar(share: float) -> str:
    return "█" * round(share * BAR_WIDTH)


def _lines(estimate: Estimate) -> object:
    """The resources by what they may cost; `--json` has their whole addresses, and the small ones too."""
    priced = [line for line in estimate.lines if not line.lacks]
    lacking = {(line.stack, line.resource, name) for line in estimate.lines for name in line.lacks}
    shown = [line for line in priced[:MOST_LINES] if line.worst_usd_per_hour >= LEAST_USD]
    rows = [
        (
            _inside(estimate, line.stack),
            line.resource.partition(".")[2],
            line.what,
            f"{least((line.stack, line.resource, 'idle') in lacking)}{line.idle_usd_per_hour:,.3f}",
            f"{least((line.stack, line.resource, 'worst') in lacking)}{line.worst_usd_per_hour:,.3f}",
        )
        for line in shown
    ]
    left = priced[len(shown) :]
    if left:
        idle, worst = (sum(getattr(line, f"{kind}_usd_per_hour") for line in left) for kind in ("idle", "worst"))
        rows.append((f"{len(left)} smaller ones", "", "", f"{idle:,.3f}", f"{worst:,.3f}"))
    return console.table("stack", "resource", "what", "idle/h>", "worst/h>", rows=rows)


def _uses(estimate: Estimate) -> object:
    """One row for each use and price, with the regions that ask it."""
    found: dict[tuple[str, float, str], list[Use]] = {}
    for use in estimate.by_use:
        found.setdefault((use.what, use.usd, use.unit), []).append(use)
    rows = [
        (what, f"{usd:g}", unit, sum(use.resources for use in uses), ", ".join(use.region for use in uses))
        for (what, usd, unit), uses in found.items()
    ]
    return console.table("by use, in no sum", "USD>", "for each", "resources>", "in", rows=rows)
