"""AWS's Price List, read: what a machine or a product costs in a region, on demand."""

import csv
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ci.site import Site
from infra.spec.instance_types import instance_types

# The API answers for all regions, and lives in three.
API_REGION = "us-east-1"
_TABLE = Path(__file__).with_name("products.csv")
_LINUX = {
    "operatingSystem": "Linux",
    "tenancy": "Shared",
    "preInstalledSw": "NA",
    "capacitystatus": "Used",
    "productFamily": "Compute Instance",
}
# us-east-1 writes a usage type bare or after USE1-, others after letters of their own, KMS after the region's name.
_REGION = r"(?:[A-Z]{2,4}\d?-|[a-z]+-[a-z]+-\d-)?"
_HOSTED = re.compile(rf"{_REGION}(?:Host|Train):(ml\.[\w.-]+)")

# boto3's stubs of this service are not among our packages.
PricingClient = Any


@dataclass(frozen=True)
class Listed:
    """One product of the list: what it is, and what a unit of it costs, the dearest where that depends on how many."""

    attributes: Mapping[str, str]
    usd: float

    @property
    def usage_type(self) -> str:
        """What the bill calls its use."""
        return self.attributes.get("usagetype", "")


def on_demand(site: Site, region: str) -> dict[str, float]:
    """Return USD by product of `infra/prices.csv`, for all that the list has in a region; nothing is guessed."""
    client: PricingClient = site.client("pricing", API_REGION)
    return {**_machines(client, region), **_hosted(client, region), **_products(client, region)}


def _machines(client: PricingClient, region: str) -> dict[str, float]:
    listed = _listed(client, "AmazonEC2", region, **_LINUX)
    found = {one.attributes.get("instanceType", ""): one.usd for one in listed}
    return {name: usd for name, usd in found.items() if name in instance_types()}


def _hosted(client: PricingClient, region: str) -> dict[str, float]:
    """SageMaker asks as much for training as for hosting; where it does not, the dearer counts."""
    found: dict[str, float] = {}
    for use in ("Host:ml.", "Train:ml."):
        for one in _listed(client, "AmazonSageMaker", region, used_as=use):
            match = _HOSTED.fullmatch(one.usage_type)
            if match and match[1].removeprefix("ml.") in instance_types():
                found[match[1]] = max(one.usd, found.get(match[1], 0.0))
    return found


def _products(client: PricingClient, region: str) -> dict[str, float]:
    found: dict[str, float] = {}
    lines = [line for line in _TABLE.read_text().splitlines() if not line.startswith("#")]
    for row in csv.DictReader(lines):
        exactly = re.compile(_REGION + re.escape(row["usage_type"]))
        family = {"productFamily": row["family"]} if row["family"] else {}
        for one in _listed(client, row["service_code"], region, used_as=row["usage_type"], **family):
            if exactly.fullmatch(one.usage_type):
                found[row["product"]] = max(one.usd * float(row["times"]), found.get(row["product"], 0.0))
    return found


def _listed(
    client: PricingClient, service: str, region: str, *, used_as: str = "", **attributes: str
) -> Iterator[Listed]:
    """Yield what the list has of a service in a region; what is free, or not sold on demand, is left out."""
    exact = {"regionCode": region, **attributes}
    filters = [{"Type": "TERM_MATCH", "Field": field, "Value": value} for field, value in exact.items()]
    filters += [{"Type": "CONTAINS", "Field": "usagetype", "Value": used_as}] if used_as else []
    for page in client.get_paginator("get_products").paginate(ServiceCode=service, Filters=filters):
        for item in map(json.loads, page["PriceList"]):
            usd = max(_prices(item), default=0.0)
            if usd > 0:
                yield Listed(item["product"]["attributes"], usd)


def _prices(item: Mapping[str, Any]) -> Iterator[float]:
    for term in item.get("terms", {}).get("OnDemand", {}).values():
        for dimension in term["priceDimensions"].values():
            yield float(dimension["pricePerUnit"].get("USD", 0))
