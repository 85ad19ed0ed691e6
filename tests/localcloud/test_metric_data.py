"""GetMetricData: percentiles and metric math, as CloudWatch computes them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.localcloud.services.cloudwatch_metric_data import statistic
from tests.localcloud.conftest import Clients

END = datetime.now(UTC).replace(second=0, microsecond=0)
START = END - timedelta(minutes=30)
WHERE = [{"Name": "EndpointName", "Value": "a"}]


def put(cloudwatch: Any, name: str, minutes_ago: int, *values: float, **more: Any) -> None:
    datum = {"MetricName": name, "Dimensions": WHERE, "Timestamp": END - timedelta(minutes=minutes_ago), **more}
    cloudwatch.put_metric_data(Namespace="Test", MetricData=[datum | ({"Values": list(values)} if values else {})])


def ask(cloudwatch: Any, *queries: dict[str, Any]) -> dict[str, list[float]]:
    answer = cloudwatch.get_metric_data(
        MetricDataQueries=list(queries), StartTime=START, EndTime=END, ScanBy="TimestampAscending"
    )
    return {one["Id"]: one["Values"] for one in answer["MetricDataResults"]}


def metric(id: str, name: str, stat: str, *, shown: bool = True) -> dict[str, Any]:
    what = {"Namespace": "Test", "MetricName": name, "Dimensions": WHERE}
    return {"Id": id, "ReturnData": shown, "MetricStat": {"Metric": what, "Period": 300, "Stat": stat}}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("PR(:2)", 50),
        ("PR(2:3)", 25),
        ("PR(3:)", 25),
        ("Sum", 10),
        ("Average", 2.5),
        ("Minimum", 1),
        ("Maximum", 4),
        ("SampleCount", 4),
        ("p50", 2.5),
        ("p100", 4),
    ],
)
def test_statistics(name: str, expected: float) -> None:
    assert statistic(name, [(4, 1), (1, 1), (3, 1), (2, 1)]) == expected


def test_lines_and_what_is_computed_of_them(client: Clients) -> None:
    cloudwatch = client("cloudwatch", "eu-central-1")
    put(cloudwatch, "Calls", 20, 1, 1, 1, 1)
    put(cloudwatch, "Failed", 20, 0, 0, 0, 1)
    put(cloudwatch, "Calls", 10, 1)
    put(cloudwatch, "Time", 10, *(float(value) for value in range(1, 101)))
    share = {"Id": "share", "Expression": "IF(calls > 0, 100 * FILL(failed, 0) / calls, 0)", "Label": "failed"}
    found = ask(
        cloudwatch,
        share,
        metric("calls", "Calls", "Sum", shown=False),
        metric("failed", "Failed", "Sum", shown=False),
        metric("slow", "Time", "p99"),
        {"Id": "slow_seconds", "Expression": "slow / 1000"},
    )
    assert found.keys() == {"share", "slow", "slow_seconds"}
    assert found["share"] == [25, 0]
    assert found["slow"] == pytest.approx([99.01])
    assert found["slow_seconds"] == pytest.approx([0.09901])


def test_figures_that_were_sent_as_their_sum_keep_their_outer_values(client: Clients) -> None:
    cloudwatch = client("cloudwatch", "eu-central-1")
    figures = {"SampleCount": 10.0, "Sum": 100.0, "Minimum": 2.0, "Maximum": 50.0}
    put(cloudwatch, "Many", 10, StatisticValues=figures)
    asked = [metric(stat.lower(), "Many", stat) for stat in ("Sum", "Minimum", "Maximum", "SampleCount")]
    found = {name: values[0] for name, values in ask(cloudwatch, *asked).items()}
    assert found == {"sum": 100, "minimum": 2, "maximum": 50, "samplecount": 10}


@pytest.mark.parametrize("expression", ["missing / 2", "calls +", "SEARCH('{Test}', 'Sum')", "__import__('os')"])
def test_math_that_is_not_known_is_refused(expression: str, client: Clients) -> None:
    cloudwatch = client("cloudwatch", "eu-central-1")
    put(cloudwatch, "Calls", 5, 1)
    with pytest.raises(ClientError, match="ValidationError"):
        ask(cloudwatch, metric("calls", "Calls", "Sum"), {"Id": "line", "Expression": expression})
