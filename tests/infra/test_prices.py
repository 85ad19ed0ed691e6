"""One table of prices, dated, and open about what in it is assumed."""

import csv
import re
from datetime import date
from pathlib import Path

import pytest

from infra.prices import FIELDS, SPOT, TABLE_REGION, Price, prices
from infra.spec.instance_types import instance_types

TABLE = prices(Path("no refreshed prices"))
HERE = Path(__file__).parent
# A page of AWS's that tells what it asks.
PAGE = re.compile(r"aws\.amazon\.com/[a-z0-9/-]*\bpricing\b")


def rows(file: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(line for line in file.read_text().splitlines() if not line.startswith("#")))


ROWS = rows(HERE.parent.parent / "infra" / "prices.csv")


def test_every_price_is_dated_and_positive() -> None:
    assert len(TABLE) > 50
    assert all(price.usd > 0 and price.as_of > date(2025, 1, 1) for price in TABLE.values())


def test_every_row_names_its_source() -> None:
    assert {row["basis"] for row in ROWS} == {"price list", "assumption", "definition"}
    # Nobody read these figures there, as the head of the file says; the page is where one would.
    assert [row for row in ROWS if row["basis"] == "assumption" and not PAGE.match(row["note"])] == []
    (own,) = (row for row in ROWS if row["basis"] == "definition")
    assert (own["product"], own["region"], own["usd"]) == ("region-factor", TABLE_REGION, "1")


def test_every_figure_of_the_price_list_is_the_one_that_was_read_there() -> None:
    listed = [row for row in ROWS if row["basis"] == "price list"]
    read = {row["instance_type"]: row["usd_per_hour"] for row in rows(HERE / "on_demand.csv")}
    assert {row["product"]: row["usd"] for row in listed} == read
    assert {(row["region"], row["unit"], row["as_of"]) for row in listed} == {(TABLE_REGION, "Hrs", "2026-01-19")}


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
