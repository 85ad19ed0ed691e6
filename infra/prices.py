"""What AWS asks: one dated table, for the bill of the embedded cloud and for estimates alike.

`groundplan prices refresh` writes a second one beside it, with what AWS asked on that day; it goes on top.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path

PRICES = Path(__file__).with_name("prices.csv")
REFRESHED = PRICES.with_name("prices-refreshed.csv")
FIELDS = ("product", "region", "unit", "usd", "as_of", "basis", "note")
OLD_DAYS = 90
# What spot machines cost: the product is this and their type.
SPOT = "spot "
# Where the table's prices are from; other regions ask so many times as much (`region-factor`).
TABLE_REGION = "us-east-1"
FACTOR = "factor"
ML = "ml."


@dataclass(frozen=True)
class Price:
    """USD for one unit of a product in a region, as of a day; each line of `assumption` is not known for certain."""

    usd: float
    unit: str
    as_of: date
    assumption: str = ""


Table = Mapping[tuple[str, str], Price]
"""(product, region) → price."""


def prices(refreshed: Path = REFRESHED) -> dict[tuple[str, str], Price]:
    """(product, region) → price: the rows of `prices.csv`, those of a refreshed file in their place, and what the
    factors make of them where nobody asked. The refreshed file need not be there."""
    there = refreshed if refreshed.exists() else None
    return _prices(there, there.stat().st_mtime_ns if there else 0)


def units() -> dict[str, str]:
    """Product → the unit that its price is for, of all that the table knows but factors."""
    return {product: price.unit for (product, _), price in _rows(PRICES).items() if price.unit != FACTOR}


@cache
def _prices(refreshed: Path | None, changed: int) -> dict[tuple[str, str], Price]:
    written = _rows(PRICES) | (_rows(refreshed) if refreshed else {})
    factors = {region: price for (product, region), price in written.items() if product == "region-factor"}
    here = {product: price for (product, region), price in written.items() if region == TABLE_REGION}
    markup = here["ml-factor"]
    for product, price in list(here.items()):
        if price.unit == "Hrs" and "." in product and not product.startswith((ML, SPOT)):
            assumed = f"ml.X as {markup.usd} × EC2 X"
            here.setdefault(ML + product, replace(price, usd=price.usd * markup.usd, assumption=assumed))
    whole = {
        (product, region): _elsewhere(price, factor, region)
        for region, factor in factors.items()
        for product, price in here.items()
        # What spot costs in one region says nothing about another.
        if product != "region-factor" and (region == TABLE_REGION or not product.startswith(SPOT))
    }
    return whole | {key: price for key, price in written.items() if key[1] != TABLE_REGION}


def _rows(file: Path) -> dict[tuple[str, str], Price]:
    lines = [line for line in file.read_text().splitlines() if not line.startswith("#")]
    return {
        (row["product"], row["region"]): Price(
            float(row["usd"]),
            row["unit"],
            date.fromisoformat(row["as_of"]),
            f"{row['product']}: {row['note']}" if row["basis"] == "assumption" else row["note"],
        )
        for row in csv.DictReader(lines)
    }


def _elsewhere(price: Price, factor: Price, region: str) -> Price:
    """A price in another region; factors such as that of spot are the same everywhere."""
    if price.unit == FACTOR or region == TABLE_REGION:
        return price
    assumption = f"{region} as {factor.usd:g} × {TABLE_REGION}"
    return replace(
        price, usd=price.usd * factor.usd, assumption="\n".join(filter(None, (price.assumption, assumption)))
    )
