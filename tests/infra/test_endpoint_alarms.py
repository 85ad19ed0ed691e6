"""Alarms of an endpoint, as they are synthesized."""

import json
from typing import Any

import cdktf
import pytest

from infra.endpoint_alarms import BURNS, EndpointAlarms
from infra.naming import Names
from infra.spec import Async, EndpointSpec, RealTime, Serverless
from infra.spec.alerts import SEVERITIES
from tests.infra.unwritten import unwritten_app

NAMES = Names("groundplan", "test", "us-east-1", "123456789012")
TOPICS = {severity: f"arn:aws:sns:us-east-1:123456789012:{severity}" for severity in SEVERITIES}


def made(**fields: Any) -> tuple[dict[str, Any], dict[str, Any], list[str]]:
    """The metric alarms and the composite ones by name, and the names that the construct tells."""
    stack = cdktf.TerraformStack(unwritten_app(), "test")
    alarms = EndpointAlarms(
        stack, "a", spec=EndpointSpec(name="a", model="m", **fields), names=NAMES, topic_arns=TOPICS
    )
    found = json.loads(cdktf.Testing.synth(stack))["resource"]
    by_name = [
        {one["alarm_name"].removeprefix("groundplan-test-a-"): one for one in found[kind].values()}
        for kind in ("aws_cloudwatch_metric_alarm", "aws_cloudwatch_composite_alarm")
    ]
    return by_name[0], by_name[1], alarms.alarm_names


@pytest.mark.parametrize("hosting", [Serverless(), RealTime(), Async()])
def test_every_kind_has_an_alarm_for_errors_latency_and_saturation(hosting: Any) -> None:
    metric, composite, told = made(hosting=hosting)
    assert set(composite) == {"failing-fast", "failing-slowly"}
    assert {"latency", "failing-fast-1h", "failing-fast-5m", "failing-slowly-6h", "failing-slowly-30m"} < set(metric)
    assert len(metric) == 6
    assert len(told) == 4
    for alarm in metric.values():
        assert sum(query.get("return_data", False) for query in alarm["metric_query"]) == 1
        assert alarm["treat_missing_data"] == "notBreaching"
        assert alarm["tags"]["model"] == "m"


def test_windows_of_a_burn_speak_together_or_not_at_all() -> None:
    metric, composite, _ = made(max_error_percent=1.0)
    for burn in BURNS:
        windows = [metric[f"{burn.name}-{window}"] for window in burn.windows]
        assert all("alarm_actions" not in window for window in windows)
        assert {window["threshold"] for window in windows} == {burn.factor}
        assert composite[burn.name]["alarm_rule"].count("ALARM(") == 2
        assert " AND " in composite[burn.name]["alarm_rule"]
        assert composite[burn.name]["alarm_actions"] == [TOPICS[burn.severity]]


def test_an_endpoint_that_answers_nothing_pages_however_much_is_forgiven() -> None:
    metric, _, _ = made(max_error_percent=50.0)
    assert metric["failing-fast-1h"]["threshold"] == 100
    assert metric["failing-fast-1h"]["comparison_operator"] == "GreaterThanOrEqualToThreshold"


def test_latency_is_compared_in_milliseconds() -> None:
    metric, _, _ = made(max_latency_ms=250)
    assert metric["latency"]["threshold"] == 250
    assert metric["latency"]["metric_query"][0]["expression"] == "micros / 1000"
