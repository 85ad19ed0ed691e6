"""What an environment will cost, against a sum that was done by hand."""

import json
from pathlib import Path
from typing import Any

import pytest

import app
import environments
from ci import console
from ci.estimate.report import Estimate, estimate
from ci.estimate.rules import ADD_RULE
from ci.estimate.table import drawn
from ci.manifest import Stack, read_stacks
from infra.prices import prices

# One region: a NAT gateway, a pool of up to 2 spot machines, a serverless and a real-time endpoint, a key, two alarms.
RESOURCES: dict[str, dict[str, Any]] = {
    "aws_nat_gateway": {"nat": {}},
    "aws_eip": {"nat": {}},
    "aws_vpc_endpoint": {
        "s3": {"vpc_endpoint_type": "Gateway"},
        "logs": {"vpc_endpoint_type": "Interface", "subnet_ids": ["${a}", "${b}"]},
    },
    "aws_kms_key": {"main": {}},
    "aws_cloudwatch_metric_alarm": {
        "plain": {"metric_name": "x"},
        "ratio": {"metric_query": [{"expression": "a/b"}, {"metric": [{}]}, {"metric": [{}]}]},
    },
    "aws_launch_template": {"pool": {"block_device_mappings": [{"ebs": {"volume_size": 100}}]}},
    "aws_batch_compute_environment": {
        "pool_spot": {
            "compute_resources": {
                "type": "SPOT",
                "instance_type": ["g4dn.xlarge", "g5.xlarge"],
                "min_vcpus": 0,
                "max_vcpus": 8,
                "launch_template": {"launch_template_id": "${aws_launch_template.pool.id}"},
            }
        }
    },
    "aws_sagemaker_endpoint_configuration": {
        "small": {
            "production_variants": [{"serverless_config": {"memory_size_in_mb": 2048, "max_concurrency": 5}}],
        },
        "large": {
            "production_variants": [
                {"variant_name": "live", "instance_type": "ml.g5.xlarge", "initial_instance_count": 2}
            ]
        },
    },
    "aws_sagemaker_endpoint": {
        "large": {"name": "x-large", "endpoint_config_name": "${aws_sagemaker_endpoint_configuration.large.name}"}
    },
    "aws_appautoscaling_target": {
        "large": {"resource_id": "endpoint/x-large/variant/live", "min_capacity": 1, "max_capacity": 3}
    },
    "aws_s3_bucket": {"data": {}},
    "aws_iam_role": {"any": {}},
}
# Families that are younger than the dated table.
NEW = ("g7", "p5e.", "p6", "gr6f")
TABLE = prices(Path("no refreshed prices"))
# By hand, from infra/prices.csv:
FIXED = {
    "nat gateway": 0.045,
    "its address": 0.005,
    "an interface endpoint in two zones": 2 * 0.01,
    "a key": 1 / 730,
    "an alarm on one metric and one on two": 3 * 0.10 / 730,
}
FLOOR = {"one ml.g5.xlarge": 1.408}
MOST = {
    "two g5.xlarge, dearer than g4dn.xlarge, each with 100 GB": 2 * (1.006 + 100 * 0.08 / 730),
    "five requests of 2 GB": 5 * 2 * 3600 * 0.00002,
    "three ml.g5.xlarge": 3 * 1.408,
}


def priced(folder: Path, resources: dict[str, Any], region: str = "us-east-1") -> Estimate:
    document = {"provider": {"aws": [{"region": region}]}, "resource": resources}
    (folder / "cdk.tf.json").write_text(json.dumps(document))
    return estimate("toy", [Stack("toy-one", folder, frozenset())], TABLE, budget_usd=70.49699)


def test_the_sum_is_the_one_done_by_hand(tmp_path: Path) -> None:
    found = priced(tmp_path, RESOURCES)
    always, idle, worst = (
        sum(FIXED.values()),
        sum((FIXED | FLOOR).values()),
        sum((FIXED | MOST).values()),
    )
    total = found.total
    figures = (total.always_on_usd_per_hour, total.idle_usd_per_hour, total.worst_usd_per_hour)
    assert figures == pytest.approx((always, idle, worst), abs=1e-5)
    assert figures == pytest.approx((0.071781, 1.479781, 7.049699), abs=1e-5)
    assert total.idle_usd_per_month == pytest.approx(1080.24, abs=0.01)
    assert found.budget_hours_at_worst == 10
    assert (found.errors, found.not_priced) == ((), {})
    assert {use.what for use in found.by_use} == {
        *("data through NAT", "data through endpoints", "objects kept", "uses of keys"),
    }
    assert found.as_of.isoformat() == "2026-01-19"
    assert any("spot-factor" in line for line in found.assumptions)
    spot = next(line for line in found.lines if "pool" in line.resource)
    assert spot.what == "up to 2 × g5.xlarge (spot about $0.80/h, assumed 40%)"


def test_a_missing_price_is_an_error_line_and_never_nothing(tmp_path: Path) -> None:
    found = priced(tmp_path, RESOURCES, region="sa-east-1")
    assert found.total.worst_usd_per_hour == 0
    assert any("no price of 'nat-gateway' in sa-east-1" in line for line in found.errors)
    # Everything that costs something is in the list: all but roles, the gateway endpoint and pieces of others.
    assert len(found.errors) == 10


def test_a_type_without_a_rule_is_an_error_line_and_makes_every_sum_the_least(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = priced(tmp_path, {"aws_eip": {"a": {}}, "aws_instance": {"b": {"instance_type": "p5.48xlarge"}, "c": {}}})
    bearers = ("toy-one aws_instance.b", "toy-one aws_instance.c")
    assert (found.not_priced, found.left_out) == ({"aws_instance": bearers}, bearers)
    assert found.errors == tuple(f"{one}: nobody has said what aws_instance costs; {ADD_RULE}" for one in bearers)
    assert (found.total.always_on_at_least, found.total.idle_at_least, found.total.worst_at_least) == (True,) * 3
    console.show(found, False, drawn(found))
    told = capsys.readouterr().out
    (total,) = (line for line in told.splitlines() if line.startswith("total"))
    assert total.count("≥ ") == 5
    assert "spent after at most " in told
    assert "not in any sum: data transfer to the internet" in told


def test_only_what_is_free_is_free(tmp_path: Path) -> None:
    """A family is no price: what begins as a free type does may cost."""
    paid: dict[str, Any] = {
        "aws_route53_resolver_endpoint": {"x": {}},
        "aws_vpc_endpoint_subnet_association": {"x": {}},
        "aws_s3_bucket_metric": {"x": {}},
        "aws_accessanalyzer_analyzer": {"x": {"type": "ACCOUNT_UNUSED_ACCESS"}},
        "aws_api_gateway_stage": {"x": {"cache_cluster_enabled": True}},
        "aws_dynamodb_table": {"x": {"billing_mode": "PROVISIONED"}},
    }
    assert len(priced(tmp_path, paid).left_out) == len(paid)
    free: dict[str, Any] = {
        "aws_route": {"x": {}},
        "aws_accessanalyzer_analyzer": {"x": {"type": "ACCOUNT"}},
        "aws_api_gateway_stage": {"x": {}},
        "aws_dynamodb_table": {"x": {"billing_mode": "PAY_PER_REQUEST"}},
    }
    found = priced(tmp_path, free)
    assert (found.left_out, found.total.worst_usd_per_hour) == ((), 0)


def test_a_hosted_zone_costs_half_a_dollar_a_month(tmp_path: Path) -> None:
    found = priced(tmp_path, {"aws_route53_zone": {"x": {"name": "a.internal"}}})
    assert found.total.always_on_usd_per_month == 0.5
    assert [use.what for use in found.by_use] == ["DNS queries"]


def test_copies_count(tmp_path: Path) -> None:
    assert priced(tmp_path, {"aws_eip": {"a": {"count": 3}}}).total.idle_usd_per_hour == pytest.approx(0.015)


def test_a_group_of_mixed_machines_costs_as_its_dearest(tmp_path: Path) -> None:
    specification = {"launch_template_specification": {"launch_template_id": "${aws_launch_template.ray.id}"}}
    overrides = [{"instance_type": "m5.large"}, {"instance_type": "m5.2xlarge"}]
    mixed = {"launch_template": {**specification, "override": overrides}}
    resources = {
        "aws_launch_template": {"ray": {"block_device_mappings": [{"ebs": [{"volume_size": 73}]}]}},
        "aws_autoscaling_group": {"ray": {"min_size": 1, "max_size": 4, "mixed_instances_policy": mixed}},
    }
    total = priced(tmp_path, resources).total
    each = 0.384 + 73 * 0.08 / 730
    assert (total.always_on_usd_per_hour, total.idle_usd_per_hour) == (0, pytest.approx(each, abs=1e-6))
    assert total.worst_usd_per_hour == pytest.approx(4 * each, abs=1e-6)


def test_training_costs_what_one_job_runs_on(tmp_path: Path) -> None:
    contract = {"instance_type": "ml.m5.large", "volume_gb": 30, "max_runtime_seconds": 60, "spot": False}
    found = priced(tmp_path, {"aws_ssm_parameter": {"contract": {"value": json.dumps(contract)}, "x": {"value": "1"}}})
    assert [line.resource for line in found.lines] == ["aws_ssm_parameter.contract"]
    assert found.total.worst_usd_per_hour == pytest.approx(0.115 + 30 * 0.14 / 730, abs=1e-6)
    assert found.total.idle_usd_per_hour == 0


def test_a_pool_is_priced_by_the_types_that_have_a_price_and_names_the_others(tmp_path: Path) -> None:
    machines = {"type": "EC2", "instance_type": ["g5.xlarge", "g7.2xlarge"], "min_vcpus": 0, "max_vcpus": 4}
    found = priced(tmp_path, {"aws_batch_compute_environment": {"x": {"compute_resources": machines}}})
    assert found.total.worst_usd_per_hour == pytest.approx(1.006)
    assert [error.split(";")[0] for error in found.errors] == [
        "toy-one aws_batch_compute_environment.x: no price of 'g7.2xlarge' in us-east-1"
    ]
    # Nothing is left out whole, and the worst may be dearer.
    assert (found.left_out, found.total.worst_at_least, found.total.idle_at_least) == ((), True, False)
    least = machines | {"min_vcpus": 4}
    found = priced(tmp_path, {"aws_batch_compute_environment": {"x": {"compute_resources": least}}})
    assert (found.total.always_on_at_least, found.total.idle_at_least) == (False, True)


def test_a_pool_without_any_price_is_left_out_and_the_sum_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    machines = {"type": "EC2", "instance_type": ["g7.12xlarge", "g7e.12xlarge"], "min_vcpus": 0, "max_vcpus": 96}
    pool = {"x": {"compute_resources": machines}}
    found = priced(tmp_path, RESOURCES | {"aws_batch_compute_environment": pool})
    assert found.left_out == ("toy-one aws_batch_compute_environment.x",)
    assert set(found.unpriced) == {"g7.12xlarge in us-east-1", "g7e.12xlarge in us-east-1"}
    assert all("the sum leaves the whole pool out" in error for error in found.errors)
    console.show(found, False, drawn(found))
    (total,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("total"))
    # It has no machine while nobody uses it, whatever one costs.
    assert total.count("≥ ") == 2


def test_assumptions_are_whole_sentences_and_stand_behind_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = priced(tmp_path, RESOURCES, region="eu-west-1")
    assert any(line.endswith("is taken to cost; it changes by the hour") for line in found.assumptions)
    assert "eu-west-1 as 1.12 × us-east-1" in found.assumptions
    console.show(found, False, drawn(found))
    short = capsys.readouterr().out
    assert "assumptions: groundplan cost toy --all" in short
    assert "assumed:" not in short
    assert "≥" not in short
    console.show(found, False, drawn(found, everything=True))
    assert "  eu-west-1 as 1.12 × us-east-1\n" in capsys.readouterr().out


def test_nothing_in_any_environment_lacks_a_rule(tmp_path: Path) -> None:
    """What AWS asks for a new type must be said in ci/estimate/rules.py, also if that is nothing."""
    app.synthesize(environments.names(), tmp_path)
    stacks = read_stacks(tmp_path)
    for stack in stacks:
        found = estimate(stack.id, [stack], TABLE)
        assert found.not_priced == {}, stack.id
        # Machines so new that the dated table does not have them are named, and nothing else is.
        assert [
            error for error in found.errors if "no price of 'g7" not in error and "no price of 'p6" not in error
        ] == []
    whole = estimate("prod", [stack for stack in stacks if stack.id.startswith("prod-")], TABLE)
    assert_as_done_by_hand(whole)


def assert_as_done_by_hand(prod: Estimate) -> None:
    """The parts of prod that follow a timetable, from infra/prices.csv and environments/prod.py.

    By day, Monday to Friday from 6 to 20, are 5 × 14 = 70 of the 168 hours of a week.
    """
    day = 70 / 168
    # ml.c6i.xlarge is taken as 1.25 × c6i.xlarge; two of them by night and four by day; at the most 8.
    live = 1.25 * 0.17
    # A worker has 200 GB. By night there is none, by day there are two; at the most 16.
    worker = 0.4032 + 200 * 0.08 / 730
    # And a head with 100 GB that is always there.
    head = 0.2646 + 100 * 0.08 / 730
    expected = {
        "us-east-1 endpoint review-sentiment-live": (live * (2 + 2 * day), live * 8),
        # Ireland is taken as 1.12 × Virginia.
        "eu-west-1 endpoint review-sentiment-live": (1.12 * live * (2 + 2 * day), 1.12 * live * 8),
        "us-east-1 cluster shared": (head + worker * 2 * day, head + worker * 16),
    }
    found = {name: prod.parts[name] for name in expected}
    assert {name: (sums.idle_usd_per_hour, sums.worst_usd_per_hour) for name, sums in found.items()} == {
        name: pytest.approx(figures, abs=1e-5) for name, figures in expected.items()
    }
    # Its largest pool may be of a type that has no price.
    assert (prod.total.idle_at_least, prod.total.worst_at_least) == (False, True)
    assert any("hosted zone" in line.what for line in prod.lines)
