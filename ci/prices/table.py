"""Refreshed prices as a person reads them."""

from typing import TYPE_CHECKING

from ci import console
from ci.prices.refresh import Refreshed

if TYPE_CHECKING:
    from rich.console import Group

MOST_CHANGES = 15


def drawn(refreshed: Refreshed) -> "Group":
    """Return what was found, what has changed, and what AWS's list does not have."""
    from rich.console import Group

    found = [(one.region, one.on_demand, one.spot, len(one.not_listed)) for one in refreshed.regions]
    columns = ("region", "on demand>", "spot>", "not listed>")
    parts: list[object] = [console.table(*columns, rows=found, title=f"prices of {refreshed.as_of}")]
    if refreshed.changes:
        rows = [
            (one.region, one.product, f"{one.usd_before:g}", f"{one.usd:g}", f"{one.usd / one.usd_before - 1:+.1%}")
            for one in refreshed.changes[:MOST_CHANGES]
        ]
        title = f"{len(refreshed.changes)} are other prices than estimates used before"
        parts += ["", console.table("region", "product", "before>", "now>", "change>", rows=rows, title=title)]
    missing = sorted({name for one in refreshed.regions for name in one.not_listed if "." not in name})
    if missing:
        parts += ["", f"not in AWS's list, and so assumed as before: {', '.join(missing)}"]
    return Group(*parts, "", f"kept in {refreshed.file}")  # type: ignore[arg-type]
