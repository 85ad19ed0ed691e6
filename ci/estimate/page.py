"""An estimate, or a change's cost, as one HTML file: what a workflow keeps beside its summary."""

from ci.estimate.change import CostChange
from ci.estimate.report import Estimate
from ci.estimate.table import least
from ci.report.graph import templates
from ci.report.plots import cost_bars

MOST_BARS = 24


def page(change: CostChange) -> str:
    """Return the page; its bars are the dearest parts, marked where they were; what was removed has an outline."""
    now = {name: (sums.idle_usd_per_month, sums.worst_usd_per_month) for name, sums in change.after.parts.items()}
    before = {name: worst for name, (_, worst) in now.items()} | {part.name: part.worst_before for part in change.parts}
    dearest = sorted(before, key=lambda name: -max(before[name], now.get(name, (0, 0))[1]))[:MOST_BARS]
    bars = [(name, *now.get(name, (0.0, 0.0)), before[name]) for name in dearest]
    tables = (("part", change.parts), ("resource", change.resources), ("tag", change.tags))
    return _rendered(change.after, cost_bars(bars), change=change, tables=tables)


def estimate_page(estimate: Estimate) -> str:
    """Return the page of an estimate alone."""
    bars = [(name, sums.idle_usd_per_month, sums.worst_usd_per_month, None) for name, sums in estimate.parts.items()]
    splits = (("part", estimate.parts), *((tag, sums) for tag, sums in estimate.tags.items() if len(sums) > 1))
    return _rendered(estimate, cost_bars(bars[:MOST_BARS]), splits=splits)


def _rendered(estimate: Estimate, bars: str, **more: object) -> str:
    given = {"change": None, "tables": (), "splits": ()} | more
    return templates().get_template("cost.html.j2").render(estimate=estimate, bars=bars, least=least, **given)
