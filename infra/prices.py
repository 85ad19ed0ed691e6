"""What AWS asks: one dated table, for the bill of the embedded cloud and for estimates alike."""

import csv
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path

PRICES = Path(__file__).with_name("prices.csv")
OLD_DAYS = 90
# Where the table's prices are from; other regions ask so many times as much (`region-factor`).
TABLE_REGION = "us-east-1"
FACTOR = "factor"
ML = "ml."


@dataclass(frozen=True)
class Price:
    """USD for one unit of a product in a region, as of a day; `assumption` tells what is not known for certain."""

    usd: float
    unit: str
    as_of: date
    assumption: str = ""


@cache
def prices() -> dict[tuple[str, str], Price]:
    """(product, region) → price: the rows of `prices.csv` and what its factors make of them."""
    written = _rows()
    factors = {region: price for (product, region), price in written.items() if product == "region-factor"}
    here = {product: price for (product, region), price in written.items() if region == TABLE_REGION}
    markup = here["ml-factor"]
    for product, price in list(here.items()):
        if price.unit == "Hrs" and "." in product and not product.startswith(ML):
            assumed = f"ml.X as {markup.usd} × EC2 X"
            here.setdefault(ML + product, replace(price, usd=price.usd * markup.usd, assumption=assumed))
    whole = {
        (product, region): _elsewhere(price, factor, region)
        for region, factor in factors.items()
        for product, price in here.items()
        if product != "region-factor"
    }
    return whole | {key: price for key, price in written.items() if key[1] != TABLE_REGION}


def _rows() -> dict[tuple[str, str], Price]:
    lines = [line for line in PRICES.read_text().splitlines() if not line.startswith("#")]
    return {
        (row["product"], row["region"]): Price(
            float(row["usd"]),
            row["unit"],
            date.fromisoformat(row["as_of"]),
            f"{row['product']}: {row['note']}" if row["basis"] == "assumption" else "",
        )
        for row in csv.DictReader(lines)
    }


def _elsewhere(price: Price, factor: Price, region: str) -> Price:
    """A price in another region; factors such as that of spot are the same everywhere."""
    if price.unit == FACTOR or region == TABLE_REGION:
        return price
    assumption = f"{region} as {factor.usd:g} × {TABLE_REGION}"
    return replace(
        price, usd=price.usd * factor.usd, assumption="; ".join(filter(None, (price.assumption, assumption)))
    )
