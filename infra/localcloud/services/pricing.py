"""AWS's Price List: the EC2 machines that infra/prices.csv has from it, and some rows that are publicly known."""

import csv
import hashlib
import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from infra.localcloud.operations import AwsError, Context, Payload, operation
from infra.prices import PRICES

_TABLE = Path(__file__).parents[1] / "price_list.csv"
_PAGE = 100
# The parts of an identifier that AWS gives every on-demand term and its price for an hour.
_TERM, _RATE = "JRTCKXETXF", "6YS6EN2CT7"
_FITS: dict[str, Callable[[str, str], bool]] = {
    "TERM_MATCH": lambda held, asked: held.lower() == asked.lower(),
    "EQUALS": lambda held, asked: held == asked,
    "CONTAINS": lambda held, asked: asked in held,
    "ANY_OF": lambda held, asked: held in asked.split(","),
    "NONE_OF": lambda held, asked: held not in asked.split(","),
}


@operation("pricing", "GetProducts")
def get_products(params: Payload, context: Context) -> Payload:
    """The products of a service that every filter fits, as JSON documents in a list of strings."""
    if params.get("ServiceCode") not in {product["serviceCode"] for product in _products()}:
        if not str(params.get("ServiceCode", "")).startswith(("Amazon", "AWS", "aws")):
            raise AwsError("NotFoundException", f"ServiceCode {params.get('ServiceCode')} is not available.")
        return {"FormatVersion": "aws_v1", "PriceList": []}
    found = [product for product in _products() if _passes(product, params)]
    start, most = int(params.get("NextToken") or 0), int(params.get("MaxResults") or _PAGE)
    page = [json.dumps(product) for product in found[start : start + most]]
    answer: Payload = {"FormatVersion": "aws_v1", "PriceList": page}
    return answer | ({"NextToken": str(start + most)} if start + most < len(found) else {})


@operation("pricing", "DescribeServices")
def describe_services(params: Payload, context: Context) -> Payload:
    """The services of which this cloud lists anything."""
    known = sorted({product["serviceCode"] for product in _products()})
    asked = [params["ServiceCode"]] if params.get("ServiceCode") else known
    names = ["productFamily", "regionCode", "servicecode", "usagetype"]
    services = [{"ServiceCode": code, "AttributeNames": names} for code in known if code in asked]
    return {"FormatVersion": "aws_v1", "Services": services}


def _passes(product: Payload, params: Payload) -> bool:
    held = {**product["product"]["attributes"], "productFamily": product["product"].get("productFamily", "")}
    return product["serviceCode"] == params["ServiceCode"] and all(
        _FITS[one["Type"]](held.get(one["Field"], ""), one["Value"]) for one in params.get("Filters") or ()
    )


@cache
def _products() -> tuple[Payload, ...]:
    return (*_machines(), *_others())


def _machines() -> Iterator[Payload]:
    for row in _read(PRICES):
        if row["basis"] == "price list" and row["unit"] == "Hrs":
            machine = {
                "instanceType": row["product"],
                "operatingSystem": "Linux",
                "tenancy": "Shared",
                "preInstalledSw": "NA",
                "capacitystatus": "Used",
                "marketoption": "OnDemand",
            }
            usage = f"BoxUsage:{row['product']}"
            yield _product("AmazonEC2", row["region"], usage, "Compute Instance", "Hrs", row["usd"], machine)


def _others() -> Iterator[Payload]:
    for row in _read(_TABLE):
        yield _product(
            row["service_code"], row["region"], row["usage_type"], row["family"], row["unit"], row["usd"], {}
        )


def _read(file: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(line for line in file.read_text().splitlines() if not line.startswith("#")))


def _product(service: str, region: str, usage: str, family: str, unit: str, usd: str, more: Payload) -> Payload:
    """One document as AWS writes it: a product, and under its terms the price of a unit on demand."""
    sku = hashlib.sha256(f"{service} {region} {usage}".encode()).hexdigest()[:16].upper()
    price = {"unit": unit, "beginRange": "0", "endRange": "Inf", "pricePerUnit": {"USD": f"{float(usd):.10f}"}}
    rate = f"{sku}.{_TERM}.{_RATE}"
    term = {"sku": sku, "offerTermCode": _TERM, "priceDimensions": {rate: price | {"rateCode": rate}}}
    attributes = {"servicecode": service, "regionCode": region, "usagetype": usage, **more}
    product = {"sku": sku, "attributes": attributes} | ({"productFamily": family} if family else {})
    return {"product": product, "serviceCode": service, "terms": {"OnDemand": {f"{sku}.{_TERM}": term}}}
