"""Prices are asked for, dated and kept, and estimates use them from then on."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

import environments
from ci.estimate.report import estimate
from ci.manifest import Stack
from ci.prices.price_list import _REGION, on_demand
from ci.prices.refresh import EMBEDDED, known_prices, refresh, snapshot
from ci.prices.table import drawn
from ci.site import Site
from ci.workspace import Workspace
from infra.localcloud import CloudRecord
from infra.prices import FIELDS, prices
from tests.ci.conftest import REPOSITORY

MACHINES = {"type": "SPOT", "min_vcpus": 0, "max_vcpus": 8}


@pytest.fixture
def site(cloud_home: tuple[Path, CloudRecord], tmp_path: Path) -> Site:
    shared, _ = cloud_home
    (tmp_path / "clouds").symlink_to(shared / "clouds")
    return Site.reach("local", Workspace(root=REPOSITORY, home=tmp_path))


def priced(folder: Path, types: list[str], refreshed: Path) -> tuple[str, tuple[str, ...], int]:
    """What a pool of these types is said to cost, which errors there are, and how many of its prices are old."""
    pool = {"compute_resources": {**MACHINES, "instance_type": types}}
    document = {
        "provider": {"aws": [{"region": "us-east-1"}]},
        "resource": {"aws_batch_compute_environment": {"x": pool}},
    }
    (folder / "cdk.tf.json").write_text(json.dumps(document))
    found = estimate("toy", [Stack("toy", folder, frozenset())], prices(refreshed))
    return found.lines[0].what, found.errors, found.old_prices


def today() -> str:
    return datetime.now(UTC).date().isoformat()


def test_prices_are_asked_for_dated_and_used(site: Site, tmp_path: Path) -> None:
    file = snapshot(site.environment, site.workspace)
    what, _, old = priced(tmp_path, ["g5.xlarge"], file)
    assert (what, old) == ("up to 2 × g5.xlarge (spot about $0.80/h, assumed 40%)", 3)
    file.write_text("product,region,unit,usd,as_of,basis,note\nx,eu-west-1,Hrs,1,2026-01-01,price list,\n")
    before = today()
    result = refresh(site)
    (region,) = result.regions
    assert before <= result.as_of <= today()
    assert (result.file, region.region) == (file, "us-east-1")
    assert region.on_demand > 90
    assert region.spot > 80
    assert "sqs" in region.not_listed
    assert [(one.product, one.usd_before, one.usd) for one in result.changes] == [("ml.m5.2xlarge", 0.48, 0.461)]
    rows = file.read_text().splitlines()
    assert f'g5.xlarge,us-east-1,Hrs,1.006,{result.as_of},price list,"{EMBEDDED}"' in rows
    assert "x,eu-west-1,Hrs,1,2026-01-01,price list," in rows, "regions that were not asked keep what they have"
    what, errors, old = priced(tmp_path, ["g5.xlarge", "g7.2xlarge"], file)
    assert what == f"up to 2 × g5.xlarge (spot about $0.80/h, asked on {result.as_of})"
    assert (len(errors), "no price of 'g7.2xlarge'" in errors[0]) == (1, True)
    assert old == 1, "of the old table only the price of disks is left: the list of the embedded cloud has none"
    again = refresh(site)
    assert (again.changes, file.read_text().splitlines()) == ((), rows)
    assert drawn(again).renderables


def test_usage_types_are_found_under_the_letters_of_their_region(site: Site) -> None:
    assert on_demand(site, "ap-south-1") == {"alarm": 0.1, "logs": 0.7}
    assert on_demand(site, "us-west-2") == {"interface-endpoint": 0.01}
    here = on_demand(site, "us-east-1")
    assert here["serverless"] == pytest.approx(0.00002)
    assert (here["ml.m5.large"], here["public-ipv4"], here["g5.xlarge"]) == (0.115, 0.005, 1.006)
    assert on_demand(site, "sa-east-1") == {}


@pytest.mark.parametrize(
    ("usage", "fits"),
    [
        ("NatGateway-Hours", True),
        ("USE1-NatGateway-Hours", True),
        ("EU-NatGateway-Hours", True),
        ("us-east-1-NatGateway-Hours", True),
        ("EUW2-RegionalNatGateway-Hours", False),
        ("USE1-TS-NatGateway-Hours", False),
    ],
)
def test_only_letters_of_a_region_may_stand_before_a_usage_type(usage: str, fits: bool) -> None:
    assert bool(re.fullmatch(f"{_REGION}NatGateway-Hours", usage)) == fits


def test_an_accounts_prices_lie_in_the_checkout_where_ci_finds_them(site: Site) -> None:
    prod = snapshot(environments.load("prod"), site.workspace)
    assert prod == REPOSITORY / "infra" / "prices-refreshed.csv"
    assert snapshot(site.environment, site.workspace).is_relative_to(site.workspace.home)


def test_an_embedded_cloud_that_told_none_asks_what_aws_does(tmp_path: Path) -> None:
    place = Workspace(root=tmp_path, home=tmp_path / "home")
    (tmp_path / "infra").mkdir()
    for environment, usd in (("prod", 3.0), ("local", 2.0)):
        row = f"g5.xlarge,us-east-1,Hrs,{usd},{today()},price list,"
        snapshot(environments.load(environment), place).write_text(f"{','.join(FIELDS)}\n{row}\n")
        found = [
            known_prices(environments.load(name), place)["g5.xlarge", "us-east-1"].usd for name in ("prod", "local")
        ]
        assert found == [3.0, usd]
