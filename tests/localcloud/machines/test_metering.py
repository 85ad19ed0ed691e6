"""What jobs and endpoints use is charged to their tags, and Cost Explorer tells it."""

import json
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.localcloud import CloudRecord

Train = Callable[..., Any]
Client = Callable[[str], Any]
Wait = Callable[..., None]


def bill(client: Client, **request: Any) -> list[dict[str, Any]]:
    today = datetime.now(UTC).date()
    arguments: dict[str, Any] = {
        "TimePeriod": {"Start": str(today - timedelta(days=1)), "End": str(today + timedelta(days=1))},
        "Granularity": "DAILY",
        "Metrics": ["UnblendedCost", "UsageQuantity"],
    }
    results: list[dict[str, Any]] = client("ce").get_cost_and_usage(**(arguments | request))["ResultsByTime"]
    return results


def only(name: str, value: str) -> dict[str, Any]:
    return {"Tags": {"Key": name, "Values": [value]}}


def groups(client: Client, **request: Any) -> dict[tuple[str, ...], dict[str, Any]]:
    return {tuple(group["Keys"]): group["Metrics"] for result in bill(client, **request) for group in result["Groups"]}


@pytest.mark.parametrize("spot", [False, True])
def test_a_training_job_costs_its_billable_seconds_on_its_instances(spot: bool, train: Train, client: Client) -> None:
    model = f"priced-{spot}"
    job = train(
        "import time; time.sleep(1)",
        EnableManagedSpotTraining=spot,
        Tags=[{"Key": "model", "Value": model}, {"Key": "component", "Value": "training"}],
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 1},
    )
    seconds = job.ended()["BillableTimeInSeconds"]
    assert (seconds < job.ended()["TrainingTimeInSeconds"]) is spot, "of a spot machine fewer seconds are billed"
    by = [{"Type": "TAG", "Key": "model"}, {"Type": "DIMENSION", "Key": "USAGE_TYPE"}]
    found = groups(client, GroupBy=by, Filter=only("model", model))
    assert list(found) == [(f"model${model}", "USE1-Train:ml.m5.large")]
    hours = 2 * seconds / 3600
    [metrics] = found.values()
    assert float(metrics["UsageQuantity"]["Amount"]) == pytest.approx(hours)
    assert float(metrics["UnblendedCost"]["Amount"]) == pytest.approx(hours * 0.115, rel=1e-6)
    assert metrics["UnblendedCost"]["Unit"] == "USD"


def test_a_serverless_endpoint_costs_the_seconds_of_its_requests(endpoint: Any, client: Client) -> None:
    endpoint.create(
        {"model": {}, "ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 5}},
        Tags=[{"Key": "component", "Value": "serverless-test"}],
    )
    assert not groups(
        client, GroupBy=[{"Type": "TAG", "Key": "component"}], Filter=only("component", "serverless-test")
    )
    began = time.monotonic()
    endpoint.ask({"seconds": 0.5})
    took = time.monotonic() - began
    found = groups(client, GroupBy=[{"Type": "TAG", "Key": "component"}], Filter=only("component", "serverless-test"))
    [metrics] = found.values()
    gb_seconds = float(metrics["UsageQuantity"]["Amount"])
    assert 1.0 < gb_seconds < 2 * took
    assert float(metrics["UnblendedCost"]["Amount"]) == pytest.approx(gb_seconds * 0.00002, rel=1e-3)


def test_an_instance_endpoint_costs_while_nobody_calls_it(endpoint: Any, client: Client, wait_until: Wait) -> None:
    endpoint.create(
        {"model": {}, "InstanceType": "ml.m5.xlarge", "InitialInstanceCount": 1},
        Tags=[{"Key": "component", "Value": "idle-test"}],
    ).settled()

    def cost() -> float:
        total: dict[str, Any] = bill(client, Filter=only("component", "idle-test"))[-1]["Total"]
        return float(total["UnblendedCost"]["Amount"])

    first = cost()
    wait_until(lambda: cost() > first)
    endpoint.delete()
    final = cost()
    assert cost() == final


def test_what_has_no_price_is_never_silently_free(train: Train, client: Client, cloud: CloudRecord) -> None:
    resources = {"InstanceType": "ml.z1d.large", "InstanceCount": 1, "VolumeSizeInGB": 1}
    train("", Tags=[{"Key": "model", "Value": "unpriced"}], ResourceConfig=resources).ended()
    by = [{"Type": "DIMENSION", "Key": "USAGE_TYPE"}]
    assert list(groups(client, GroupBy=by, Filter=only("model", "unpriced"))) == [("NoPrice:USE1-Train:ml.z1d.large",)]
    logged = [json.loads(line) for line in (cloud.folder / "cloud.log").read_text().splitlines()]
    assert [line["product"] for line in logged if line["event"] == "no price"].count("ml.z1d.large") == 1


def test_filters_and_periods(train: Train, client: Client) -> None:
    tags = [{"Key": "model", "Value": "filtered"}, {"Key": "owner", "Value": "me"}]
    train("", Tags=tags).ended()
    service = [{"Type": "DIMENSION", "Key": "SERVICE"}]
    mine, sagemaker = only("model", "filtered"), {"Dimensions": {"Key": "SERVICE", "Values": ["Amazon SageMaker"]}}
    assert list(groups(client, GroupBy=service, Filter={"And": [mine, sagemaker]})) == [("Amazon SageMaker",)]
    assert not groups(client, GroupBy=service, Filter={"And": [mine, {"Not": sagemaker}]})
    assert not groups(
        client, GroupBy=service, Filter={"And": [mine, {"Tags": {"Key": "owner", "MatchOptions": ["ABSENT"]}}]}
    )
    days = bill(client, Filter=mine)
    assert [float(day["Total"]["UnblendedCost"]["Amount"]) > 0 for day in days] == [False, True]
    today = date.today()
    months = bill(
        client,
        Granularity="MONTHLY",
        Filter=mine,
        TimePeriod={"Start": str(today.replace(day=1)), "End": str(today + timedelta(days=1))},
    )
    assert [float(month["Total"]["UnblendedCost"]["Amount"]) > 0 for month in months] == [True]
    by_owner = groups(client, GroupBy=[{"Type": "TAG", "Key": "absent"}], Filter=mine)
    assert list(by_owner) == [("absent$",)]
    with pytest.raises(ClientError, match="should be before end date"):
        bill(client, TimePeriod={"Start": str(today), "End": str(today)})
    with pytest.raises(ClientError, match="Invalid metric"):
        bill(client, Metrics=["Happiness"])
