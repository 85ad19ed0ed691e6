"""Three small environments from their spec to their estimate, against sums done by hand: pool, endpoint, network.

Every figure here is a price of infra/prices.csv, and every count one of the spec above it. A month has 730 hours.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import app
from ci.cli import run
from ci.commands import cost as command
from ci.estimate.report import Estimate, Sum, estimate
from ci.manifest import read_stacks
from infra.prices import prices
from infra.spec import (
    AwsAccount,
    BudgetSpec,
    EndpointSpec,
    Environment,
    ExistingNetworkSpec,
    GpuPoolSpec,
    NetworkSpec,
    RealTime,
    RegionSpec,
    StateSpec,
)

# Somebody else pays for it.
BROUGHT = ExistingNetworkSpec(
    vpc_id="vpc-0a1b2c3d4e5f67890", cidr="10.1.0.0/16", subnet_ids=("subnet-0a1b2c3d4e5f67890",)
)


def small(name: str, **region: Any) -> Environment:
    """One region of us-east-1, nothing recorded, and in it what is given."""
    return Environment(
        name=name,
        account_id="123456789012",
        owner="somebody",
        cost_centre="research",
        target=AwsAccount(),
        state=StateSpec(bucket="groundplan-small-state", region="us-east-1"),
        regions=(RegionSpec(name="us-east-1", **{"network": BROUGHT} | region),),
        budget=BudgetSpec(monthly_usd=1000, emails=("somebody@example.com",)),
        audit=None,
    )


# Spot machines, and one on demand for jobs that lost too many of them; the dearest of the types is g6e.xlarge.
TYPES = ("g4dn.xlarge", "g5.xlarge", "g6.xlarge", "g6e.xlarge")
POOL = small(
    "pool", gpu_pools=(GpuPoolSpec(name="four", instance_types=TYPES, max_nodes=2, min_nodes=1, volume_gb=100),)
)
LIVE = RealTime(instance_type="ml.m5.large", min_instances=1, max_instances=3)
ENDPOINT = small("endpoint", endpoints=(EndpointSpec(name="live", model="review_sentiment", hosting=LIVE),))
NETWORK = small(
    "network",
    network=NetworkSpec(
        cidr="10.20.0.0/16", zones=2, nat="per-zone", interface_endpoints=("sts", "logs"), flow_logs=()
    ),
)

# USD a month, whatever is in the region.
EVERYWHERE = {
    "three keys: data, signatures, events": 3 * 1.00,
    "the dashboard of all regions": 1 * 3.00,
    "health, composed of other alarms": 1 * 0.50,
    "alarms on news that nobody reads, and on those that failed": 2 * 0.10,
}
# USD an hour: a training job is there only while it runs. It has 30 GB.
JOB = 0.115 + 30 * 0.14 / 730
# USD an hour: a machine of the pool with its 100 GB.
NODE = 1.861 + 100 * 0.08 / 730
POOL_ALARMS = {"blocked, failed, waiting too long": 3 * 0.10}
ENDPOINT_ALARMS = {
    "failing fast and failing slowly, each composed": 2 * 0.50,
    "errors over requests, two metrics, in four windows": 4 * 2 * 0.10,
    "latency and load": 2 * 0.10,
}
WAYS = {
    "two NAT gateways": 2 * 0.045,
    "their addresses": 2 * 0.005,
    "two interface endpoints, each in two zones": 2 * 2 * 0.01,
}


def hourly(*monthly: Mapping[str, float]) -> float:
    return sum(sum(one.values()) for one in monthly) / 730


# Name → USD an hour: always on, idle, at worst.
BY_HAND = {
    "pool": (
        hourly(EVERYWHERE, POOL_ALARMS),
        hourly(EVERYWHERE, POOL_ALARMS) + 1 * NODE,
        hourly(EVERYWHERE, POOL_ALARMS) + (2 + 1) * NODE + JOB,
    ),
    "endpoint": (
        hourly(EVERYWHERE, ENDPOINT_ALARMS),
        hourly(EVERYWHERE, ENDPOINT_ALARMS) + 1 * 0.115,
        hourly(EVERYWHERE, ENDPOINT_ALARMS) + 3 * 0.115 + JOB,
    ),
    "network": (
        hourly(EVERYWHERE) + sum(WAYS.values()),
        hourly(EVERYWHERE) + sum(WAYS.values()),
        hourly(EVERYWHERE) + sum(WAYS.values()) + JOB,
    ),
}


@pytest.fixture(scope="module")
def estimates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Estimate]:
    """Name → estimate, all synthesized at once."""
    folder = tmp_path_factory.mktemp("stacks")
    app.write([POOL, ENDPOINT, NETWORK], folder)
    table, stacks = prices(Path("no refreshed prices")), read_stacks(folder)
    return {
        name: estimate(name, [one for one in stacks if one.id.startswith(f"{name}-")], table, budget_usd=1000)
        for name in BY_HAND
    }


def figures(found: Sum) -> tuple[float, float, float]:
    return (found.always_on_usd_per_hour, found.idle_usd_per_hour, found.worst_usd_per_hour)


@pytest.mark.parametrize("name", BY_HAND)
def test_a_spec_costs_what_was_done_by_hand(name: str, estimates: dict[str, Estimate]) -> None:
    found = estimates[name]
    # Each line is rounded to a millionth of a dollar.
    assert figures(found.total) == pytest.approx(BY_HAND[name], abs=1e-5)
    assert (found.errors, found.left_out, found.total.worst_at_least) == ((), (), False)
    assert found.budget_hours_at_worst == pytest.approx(1000 / BY_HAND[name][2], abs=0.1)


def test_the_months_of_the_three_are_these(estimates: dict[str, Estimate]) -> None:
    """The same once more, added up on paper, so that nobody has to trust the sums above."""
    told = {name: found.total for name, found in estimates.items()}
    assert {name: (one.idle_usd_per_month, one.worst_usd_per_month) for name, one in told.items()} == {
        # 6.70 + 0.30 and 1358.53 + 8.00 for one node; three of them, and 83.95 + 4.20 for a job.
        "pool": (pytest.approx(1373.53, abs=0.01), pytest.approx(4194.74, abs=0.01)),
        # 6.70 + 2.00 and 83.95 for one instance; three of them, and a job.
        "endpoint": (pytest.approx(92.65, abs=0.01), pytest.approx(348.70, abs=0.01)),
        # 6.70 and 65.70 + 7.30 + 29.20; and a job.
        "network": (pytest.approx(108.90, abs=0.01), pytest.approx(197.05, abs=0.01)),
    }


@pytest.mark.parametrize("name", BY_HAND)
def test_stacks_parts_and_the_values_of_each_tag_add_up_to_the_total(name: str, estimates: dict[str, Estimate]) -> None:
    found = estimates[name]
    assert {"component", "environment", "model"} <= found.tags.keys()
    for split in (found.stacks, found.parts, *found.tags.values()):
        added = [sum(one) for one in zip(*map(figures, split.values()), strict=True)]
        assert added == pytest.approx(figures(found.total), abs=1e-5)


def test_a_stack_and_a_tag_cost_what_was_done_by_hand(estimates: dict[str, Estimate]) -> None:
    pools = estimates["pool"].stacks["pool-us-east-1-pools"]
    assert figures(pools) == pytest.approx((0, NODE, 3 * NODE), abs=1e-5)
    network = estimates["network"].stacks["network-us-east-1-network"]
    assert figures(network) == pytest.approx((0.14, 0.14, 0.14), abs=1e-5)
    # The endpoint and its alarms serve one model, all else serves whoever comes.
    of = estimates["endpoint"].tags["model"]
    assert of.keys() == {"review_sentiment", "shared"}
    alarms = hourly(ENDPOINT_ALARMS)
    assert figures(of["review_sentiment"]) == pytest.approx((alarms, alarms + 0.115, alarms + 0.345), abs=1e-5)
    assert figures(of["shared"]) == pytest.approx((hourly(EVERYWHERE),) * 2 + (hourly(EVERYWHERE) + JOB,), abs=1e-5)


@pytest.mark.parametrize(
    ("by", "rows"),
    [
        (
            "stack",
            {"network-us-east-1-network": "0.140 0.140 0.140 102 102", "network-access": "0.000 0.000 0.000 0 0"},
        ),
        ("component", {"network": "0.140 0.140 0.140 102 102", "data": "0.003 0.003 0.003 2 2"}),
        ("model", {"shared": "0.149 0.149 0.270 109 197"}),
    ],
)
def test_the_command_splits_an_estimate_by_stack_and_tag(
    by: str,
    rows: dict[str, str],
    estimates: dict[str, Estimate],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = estimates["network"]
    monkeypatch.setattr(command, "_ahead", lambda *_: found)
    assert run(["cost", "prod", "--by", by]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line]
    told = {line[0]: " ".join(line[1:]) for line in lines}
    assert told.items() >= {**rows, "total": "0.149 0.149 0.270 109 197"}.items()
    split = found.stacks if by == "stack" else found.tags[by]
    assert split.keys() <= told.keys(), "nothing is left out of the table"


def test_what_an_estimate_is_not_split_by_is_refused_with_what_it_is(
    estimates: dict[str, Estimate], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "_ahead", lambda *_: estimates["network"])
    assert run(["cost", "prod", "--by", "colour"]) == 2
    told = capsys.readouterr().err
    assert "--by: 'colour' is nothing that an estimate is split by" in told
    assert "part, stack, component" in told
