"""A change's cost as one HTML file: what a workflow keeps beside its summary."""

from ci.estimate.change import CostChange
from ci.report.graph import templates
from ci.report.plots import cost_bars

MOST_BARS = 24


def page(change: CostChange) -> str:
    """Return the page; its bars are the dearest parts of the environment as it would be, marked where they were."""
    before = {part.name: part.worst_before for part in change.parts}
    dearest = list(change.after.parts.items())[:MOST_BARS]
    bars = [
        (name, sums.idle_usd_per_month, sums.worst_usd_per_month, before.get(name, sums.worst_usd_per_month))
        for name, sums in dearest
    ]
    tables = (("part", change.parts), ("resource", change.resources), ("tag", change.tags))
    return templates().get_template("cost.html.j2").render(change=change, bars=cost_bars(bars), tables=tables)
