"""One table of prices, dated, and open about what in it is assumed."""

import csv
from datetime import date
from pathlib import Path

import pytest

from infra.prices import FIELDS, SPOT, Price, prices
from infra.spec.instance_types import instance_types

TABLE = prices(Path("no refreshed prices"))
FILE = Path(__file__).parent.parent.parent / "infra" / "prices.csv"


def test_every_price_is_dated_and_positive() -> None:
    assert len(TABLE) > 50
    assert all(price.usd > 0 and price.as_of > date(2025, 1, 1) for price in TABLE.values())


def test_every_row_names_its_source() -> None:
    lines = (line for line in FILE.read_text().splitlines() if not line.startswith("#"))
    for row in csv.DictReader(lines):
        # The head of the file says by which way the price list came, and what an assumption's page is.
        assert row["basis"] in ("price list", "assumption"), row
        assert row["basis"] == "price list" or row["note"], row


def test_every_machine_with_a_price_has_facts() -> None:
    machines = {product for product, region in TABLE if region == "us-east-1" and "." in product}
    assert len(machines) > 100
    assert {name.removeprefix("ml.") for name in machines} <= set(instance_types())


def test_what_is_derived_says_from_what() -> None:
    own, derived = TABLE["ml.g5.xlarge", "us-east-1"], TABLE["ml.g5.12xlarge", "us-east-1"]
    assert derived.usd == pytest.approx(1.25 * TABLE["g5.12xlarge", "us-east-1"].usd)
    assert "1.25 × EC2" in derived.assumption
    assert own.usd == 1.408
    abroad = TABLE["g5.xlarge", "eu-west-1"]
    assert abroad.usd == pytest.approx(1.12 * TABLE["g5.xlarge", "us-east-1"].usd)
    assert abroad.assumption == "eu-west-1 as 1.12 × us-east-1"
    assert TABLE["spot-factor", "eu-west-1"].usd == TABLE["spot-factor", "us-east-1"].usd


def test_a_price_from_the_price_list_is_no_assumption() -> None:
    assert TABLE["g5.xlarge", "us-east-1"].assumption == ""


def test_a_region_without_a_factor_has_no_price() -> None:
    assert ("g5.xlarge", "sa-east-1") not in TABLE


def test_what_aws_asked_stands_in_the_place_of_what_was_assumed(tmp_path: Path) -> None:
    refreshed = tmp_path / "prices-refreshed.csv"
    rows = [
        ",".join(FIELDS),
        "g5.xlarge,eu-west-1,Hrs,1.123,2026-11-01,price list,",
        "g7.2xlarge,us-east-1,Hrs,2.5,2026-11-01,price list,",
        "nat-gateway,sa-east-1,Hrs,0.093,2026-11-01,price list,",
        "spot g5.xlarge,us-east-1,Hrs,0.4,2026-11-01,spot history,",
    ]
    refreshed.write_text("# A comment.\n" + "\n".join(rows) + "\n")
    table = prices(refreshed)
    assert table["g5.xlarge", "eu-west-1"] == Price(1.123, "Hrs", date(2026, 11, 1))
    assert table["g7.2xlarge", "eu-west-1"].assumption == "eu-west-1 as 1.12 × us-east-1"
    assert table["ml.g7.2xlarge", "us-east-1"].usd == pytest.approx(1.25 * 2.5)
    assert table["nat-gateway", "sa-east-1"].usd == 0.093
    assert {region for product, region in table if product == f"{SPOT}g5.xlarge"} == {"us-east-1"}
    assert not any(product.startswith(f"ml.{SPOT}") for product, _ in table)
    assert ("g7.2xlarge", "us-east-1") not in TABLE, "the table itself knows nothing of it"
