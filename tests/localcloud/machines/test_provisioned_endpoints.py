"""Endpoints on instances: started and proven before they are in service, swapped without a gap."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import psutil
import pytest
from botocore.exceptions import ClientError

Endpoint = Any  # conftest.Endpoint
Wait = Callable[..., None]
INSTANCE = {"InstanceType": "ml.m5.large", "InitialInstanceCount": 1}


def test_it_is_created_before_it_is_in_service(endpoint: Endpoint) -> None:
    endpoint.create({"model": {"name": "reviews-1", "start_seconds": 0.5}, **INSTANCE})
    assert endpoint.describe()["EndpointStatus"] == "Creating"
    with pytest.raises(ClientError, match="not found"):
        endpoint.ask()
    assert endpoint.settled()["EndpointStatus"] == "InService"
    answer = endpoint.invoke()
    assert "x-groundplan-cold-start-ms" not in answer["ResponseMetadata"]["HTTPHeaders"]


def test_it_fails_when_its_container_cannot_start(endpoint: Endpoint) -> None:
    endpoint.create({"model": {"last_words": "no space left"}, **INSTANCE})
    described = endpoint.settled()
    assert described["EndpointStatus"] == "Failed"
    assert "exit code 1" in described["FailureReason"]
    assert "no space left" in described["FailureReason"]


def test_an_update_swaps_once_the_new_server_is_proven(endpoint: Endpoint, wait_until: Wait) -> None:
    endpoint.create({"model": {"name": "old"}, **INSTANCE})
    endpoint.settled()
    old = endpoint.ask()
    endpoint.update({"model": {"name": "new", "start_seconds": 0.5}, **INSTANCE})
    assert endpoint.describe()["EndpointStatus"] == "Updating"
    assert endpoint.ask()["model"] == "old"
    with pytest.raises(ClientError, match="Cannot update in-progress endpoint"):
        endpoint.update({"model": {}, **INSTANCE})
    assert endpoint.settled()["EndpointStatus"] == "InService"
    assert endpoint.ask()["model"] == "new"
    wait_until(lambda: not psutil.pid_exists(old["pid"]))


def test_an_update_that_cannot_start_leaves_the_old_server(endpoint: Endpoint) -> None:
    config = endpoint.create({"model": {"name": "old"}, **INSTANCE}).settled()["EndpointConfigName"]
    endpoint.update({"model": {"name": "new", "last_words": "bad weights"}, **INSTANCE})
    described = endpoint.settled()
    assert described["EndpointStatus"] == "InService"
    assert described["EndpointConfigName"] == config
    assert "bad weights" in described["FailureReason"]
    assert endpoint.ask()["model"] == "old"


def test_weights_share_the_calls_out(endpoint: Endpoint, client: Callable[[str], Any]) -> None:
    endpoint.create(
        {"model": {"name": "most"}, "InitialVariantWeight": 9.0, **INSTANCE},
        {"model": {"name": "few"}, **INSTANCE},
    ).settled()
    counted = Counter(endpoint.ask()["model"] for _ in range(200))
    assert 150 < counted["most"] < 198, counted
    assert endpoint.ask(TargetVariant="variant-1")["model"] == "few"
    with pytest.raises(ClientError, match="Variant nobody not found"):
        endpoint.ask(TargetVariant="nobody")
    weights = [{"VariantName": "variant-0", "DesiredWeight": 0.0}, {"VariantName": "variant-1", "DesiredWeight": 1.0}]
    client("sagemaker").update_endpoint_weights_and_capacities(
        EndpointName=endpoint.name, DesiredWeightsAndCapacities=weights
    )
    assert {endpoint.ask()["model"] for _ in range(10)} == {"few"}


def test_a_shadow_variant_gets_copies_and_answers_nobody(
    endpoint: Endpoint, client: Callable[[str], Any], wait_until: Wait
) -> None:
    shadow = endpoint.config({"model": {"name": "shadow"}, **INSTANCE})
    [variant] = client("sagemaker").describe_endpoint_config(EndpointConfigName=shadow)["ProductionVariants"]
    endpoint.settings = {"ShadowProductionVariants": [variant | {"VariantName": "shadow"}]}
    endpoint.create({"model": {"name": "live"}, **INSTANCE})
    [shown] = endpoint.settled()["ShadowProductionVariants"]
    assert (shown["VariantName"], shown["CurrentWeight"]) == ("shadow", 1.0)
    assert {endpoint.ask({"seconds": 0.01})["model"] for _ in range(20)} == {"live"}
    wait_until(lambda: endpoint.metric("Invocations", variant="shadow") == 20)
    with pytest.raises(ClientError, match="Variant shadow not found"):
        endpoint.ask(TargetVariant="shadow")
    with pytest.raises(ClientError, match="can have one shadow variant"):
        endpoint.config({"model": {}, **INSTANCE}, {"model": {}, **INSTANCE})


def test_an_update_can_retain_what_was_scaled(endpoint: Endpoint, client: Callable[[str], Any]) -> None:
    endpoint.create({"model": {}, **INSTANCE}).settled()
    scaled = [{"VariantName": "variant-0", "DesiredWeight": 1.0, "DesiredInstanceCount": 3}]
    client("sagemaker").update_endpoint_weights_and_capacities(
        EndpointName=endpoint.name, DesiredWeightsAndCapacities=scaled
    )
    endpoint.update({"model": {}, **INSTANCE}, RetainAllVariantProperties=True)
    assert endpoint.settled()["ProductionVariants"][0]["CurrentInstanceCount"] == 3
    endpoint.update({"model": {}, **INSTANCE})
    assert endpoint.settled()["ProductionVariants"][0]["CurrentInstanceCount"] == 1


def test_a_body_above_six_mebibytes_is_refused(endpoint: Endpoint) -> None:
    endpoint.create({"model": {}, **INSTANCE}).settled()
    with pytest.raises(ClientError, match="HTTP content length exceeded 6291456 bytes") as caught:
        endpoint.ask(b"x" * 10_000_000)
    assert caught.value.response["Error"]["Code"] == "413"
    assert endpoint.ask(b"x" * 6 * 2**20)["bytes"] == 6 * 2**20


def test_names_are_unique_and_must_exist(endpoint: Endpoint, client: Callable[[str], Any]) -> None:
    endpoint.create({"model": {}})
    sagemaker, config = client("sagemaker"), endpoint.describe()["EndpointConfigName"]
    variants = sagemaker.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"]
    with pytest.raises(ClientError, match="Cannot create already existing endpoint "):
        sagemaker.create_endpoint(EndpointName=endpoint.name, EndpointConfigName=config)
    with pytest.raises(ClientError, match="Cannot create already existing endpoint configuration"):
        sagemaker.create_endpoint_config(EndpointConfigName=config, ProductionVariants=variants)
    with pytest.raises(ClientError, match="Cannot create already existing model"):
        sagemaker.create_model(ModelName=variants[0]["ModelName"], ExecutionRoleArn="arn:aws:iam::123456789012:role/r")
    with pytest.raises(ClientError, match="Could not find endpoint configuration"):
        client("sagemaker").update_endpoint(EndpointName=endpoint.name, EndpointConfigName="missing")
    endpoint.delete()
    with pytest.raises(ClientError, match="Could not find endpoint"):
        endpoint.update({"model": {}})
