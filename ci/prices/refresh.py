"""Writes down what AWS asks today: a dated table beside the assumptions, which estimates use from then on."""

import csv
import io
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from ci.prices.price_list import on_demand
from ci.prices.spot import spot
from ci.progress import QUIET, Progress
from ci.result import Result
from ci.site import Site
from ci.workspace import Workspace
from infra.prices import FIELDS, REFRESHED, SPOT, Table, prices, units
from infra.spec import EmbeddedCloud, Environment

Row = dict[str, str]
EMBEDDED = "prices told by an embedded cloud, not by AWS"


class Change(Result):
    """A price that is another one now."""

    product: str
    region: str
    usd_before: float
    usd: float


class RegionPrices(Result):
    """How many prices a region's lists gave, and which of our products they do not have."""

    region: str
    on_demand: int
    spot: int
    # They stay what infra/prices.csv says: labelled assumptions, or no price at all.
    not_listed: tuple[str, ...]


class Refreshed(Result):
    """What a refresh found. `changes` are against what an estimate would have used before, largest first."""

    environment: str
    file: Path
    as_of: str
    regions: tuple[RegionPrices, ...]
    changes: tuple[Change, ...]


def snapshot(environment: Environment, workspace: Workspace) -> Path:
    """Return where the refreshed prices of an environment's AWS lie; those of an embedded cloud are nobody else's."""
    if isinstance(environment.target, EmbeddedCloud):
        return workspace.folder(environment.name) / REFRESHED.name
    return _of_aws(workspace)


def known_prices(environment: Environment, workspace: Workspace) -> Table:
    """Return the prices that whatever is estimated for an environment goes by: its own AWS's, or else those of AWS."""
    own = snapshot(environment, workspace)
    return prices(own if own.exists() else _of_aws(workspace))


def refresh(site: Site, *, progress: Progress = QUIET) -> Refreshed:
    """Ask for the prices of every region of the environment, and write them into its snapshot."""
    file = snapshot(site.environment, site.workspace)
    before = known_prices(site.environment, site.workspace)
    as_of = datetime.now(UTC).date().isoformat()
    names = [region.name for region in site.environment.regions]
    progress.say(f"Asking the Price List and spot's history about {', '.join(names)} …")
    with ThreadPoolExecutor(2 * len(names), thread_name_prefix="prices") as pool:
        asked = {name: (pool.submit(on_demand, site, name), pool.submit(spot, site, name)) for name in names}
        found = {name: (listed.result(), bids.result()) for name, (listed, bids) in asked.items()}
    source = {"as_of": as_of, "note": EMBEDDED if site.endpoint_url else ""}
    rows = [row for name, (listed, bids) in found.items() for row in _rows(name, listed, bids, source)]
    _write(file, rows)
    return Refreshed(
        environment=site.name,
        file=file,
        as_of=as_of,
        regions=tuple(
            RegionPrices(region=name, on_demand=len(listed), spot=len(bids), not_listed=_not_listed(listed))
            for name, (listed, bids) in found.items()
        ),
        changes=_changes(before, prices(file), names),
    )


def _of_aws(workspace: Workspace) -> Path:
    return workspace.root / "infra" / REFRESHED.name


def _rows(region: str, listed: Mapping[str, float], bids: Mapping[str, float], source: Row) -> list[Row]:
    unit, common = units(), {"region": region, **source}
    return [
        *(
            {**common, "product": name, "unit": unit.get(name, "Hrs"), "usd": f"{usd:.10g}", "basis": "price list"}
            for name, usd in sorted(listed.items())
        ),
        *(
            {**common, "product": SPOT + name, "unit": "Hrs", "usd": f"{usd:.10g}", "basis": "spot history"}
            for name, usd in sorted(bids.items())
        ),
    ]


def _write(file: Path, rows: list[Row]) -> None:
    """Replace the rows of the regions that were asked, and keep those of others; whole or not at all."""
    asked = {row["region"] for row in rows}
    kept = []
    if file.exists():
        lines = [line for line in file.read_text().splitlines() if not line.startswith("#")]
        kept = [row for row in csv.DictReader(lines) if row["region"] not in asked]
    text = io.StringIO("# Written by `groundplan prices refresh`: what AWS asked on the days in as_of. Commit it.\n")
    text.seek(0, io.SEEK_END)
    table = csv.DictWriter(text, FIELDS, lineterminator="\n")
    table.writeheader()
    table.writerows(sorted((*kept, *rows), key=lambda row: (row["region"], row["product"])))
    draft = file.with_suffix(".draft")
    draft.write_text(text.getvalue())
    draft.replace(file)


def _not_listed(listed: Mapping[str, float]) -> tuple[str, ...]:
    return tuple(sorted(units().keys() - listed.keys()))


def _changes(before: Table, now: Table, regions: Sequence[str]) -> tuple[Change, ...]:
    found = [
        Change(product=product, region=region, usd_before=before[product, region].usd, usd=price.usd)
        for (product, region), price in now.items()
        if region in regions and (product, region) in before and price.usd != before[product, region].usd
    ]
    return tuple(sorted(found, key=lambda one: -abs(one.usd / one.usd_before - 1)))
