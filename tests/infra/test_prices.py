"""One table of prices, dated, and open about what in it is assumed."""

from datetime import date

import pytest

from infra.prices import prices
from infra.spec.instance_types import instance_types


def test_every_price_is_dated_and_positive() -> None:
    assert len(prices()) > 50
    assert all(price.usd > 0 and price.as_of > date(2025, 1, 1) for price in prices().values())


def test_every_machine_with_a_price_has_facts() -> None:
    machines = {product for product, region in prices() if region == "us-east-1" and "." in product}
    assert len(machines) > 100
    assert {name.removeprefix("ml.") for name in machines} <= set(instance_types())


def test_what_is_derived_says_from_what() -> None:
    own, derived = prices()["ml.g5.xlarge", "us-east-1"], prices()["ml.g5.12xlarge", "us-east-1"]
    assert derived.usd == pytest.approx(1.25 * prices()["g5.12xlarge", "us-east-1"].usd)
    assert "1.25 × EC2" in derived.assumption
    assert own.usd == 1.408
    abroad = prices()["g5.xlarge", "eu-west-1"]
    assert abroad.usd == pytest.approx(1.12 * prices()["g5.xlarge", "us-east-1"].usd)
    assert abroad.assumption == "eu-west-1 as 1.12 × us-east-1"
    assert prices()["spot-factor", "eu-west-1"].usd == prices()["spot-factor", "us-east-1"].usd


def test_a_price_from_the_price_list_is_no_assumption() -> None:
    assert prices()["g5.xlarge", "us-east-1"].assumption == ""


def test_a_region_without_a_factor_has_no_price() -> None:
    assert ("g5.xlarge", "sa-east-1") not in prices()
