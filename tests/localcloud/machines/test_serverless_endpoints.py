"""Serverless endpoints start when they are called, rest when they are not, and answer as SageMaker does."""

import contextlib
import json
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.request import urlopen

import psutil
import pytest
from botocore.exceptions import ClientError

from infra.localcloud import CloudRecord

Endpoint = Any  # conftest.Endpoint
Wait = Callable[..., None]
SLOW_START = {"name": "slow", "start_seconds": 0.5}


def cold_start_ms(answer: dict[str, Any]) -> float | None:
    value = answer["ResponseMetadata"]["HTTPHeaders"].get("x-groundplan-cold-start-ms")
    return float(value) if value else None


def warm_endpoints(cloud: CloudRecord) -> int:
    with urlopen(f"{cloud.url}/_groundplan/health") as answer:
        return int(json.load(answer)["endpoints_warm"])


def test_the_first_call_starts_it_and_the_second_finds_it_warm(endpoint: Endpoint, cloud: CloudRecord) -> None:
    endpoint.create({"model": {"name": "reviews-1"}})
    assert endpoint.describe()["EndpointStatus"] == "InService"
    before = warm_endpoints(cloud)
    first = endpoint.invoke()
    assert first["InvokedProductionVariant"] == "variant-0"
    assert first["ContentType"] == "application/json"
    assert cold_start_ms(first) is not None
    assert warm_endpoints(cloud) == before + 1
    second = endpoint.invoke()
    assert cold_start_ms(second) is None
    said = [json.loads(answer["Body"].read()) for answer in (first, second)]
    assert said[0]["model"] == "reviews-1"
    assert said[0]["pid"] == said[1]["pid"]


def test_it_scales_to_zero_and_comes_back(endpoint: Endpoint, wait_until: Wait) -> None:
    endpoint.create({"model": {}})
    pid = endpoint.ask()["pid"]
    wait_until(lambda: not psutil.pid_exists(pid))
    again = endpoint.invoke()
    assert cold_start_ms(again) is not None
    assert json.loads(again["Body"].read())["pid"] != pid
    wait_until(lambda: endpoint.metric("ModelSetupTime", "SampleCount") == 2)


def test_concurrent_first_calls_share_one_start(endpoint: Endpoint, wait_until: Wait) -> None:
    endpoint.create({"model": SLOW_START})
    with ThreadPoolExecutor(4) as pool:
        pids = {answer["pid"] for answer in pool.map(lambda _: endpoint.ask(), range(4))}
    assert len(pids) == 1
    wait_until(lambda: endpoint.metric("Invocations") == 4)
    assert endpoint.metric("ModelSetupTime", "SampleCount") == 1


def test_more_calls_than_its_concurrency_are_throttled(endpoint: Endpoint, wait_until: Wait) -> None:
    endpoint.create({"model": {}, "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1}})
    endpoint.ask()

    def occupy() -> None:
        # The calls below may be in service when this one comes, which is then the one that is throttled.
        while True:
            with contextlib.suppress(ClientError):
                endpoint.ask({"seconds": 1.0})
                return

    busy = threading.Thread(target=occupy)
    busy.start()
    seen: list[dict[str, Any]] = []

    def throttled() -> bool:
        try:
            endpoint.ask()
        except ClientError as error:
            seen.append(error.response)
        return bool(seen)

    wait_until(throttled)
    assert seen[0]["Error"] == {"Code": "ThrottlingException", "Message": "Rate exceeded"}
    assert seen[0]["ResponseMetadata"]["HTTPStatusCode"] == 429
    busy.join()
    assert endpoint.ask()["model"] == "anonymous"


def test_an_error_of_the_model_is_told_as_sagemaker_tells_it(endpoint: Endpoint, wait_until: Wait) -> None:
    endpoint.create({"model": {}})
    with pytest.raises(ClientError) as caught:
        endpoint.ask({"do": "fail", "status": 400, "text": "no 'instances' in the request"})
    answer = caught.value.response
    assert answer["Error"]["Code"] == "ModelError"
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert answer["OriginalStatusCode"] == 400
    assert answer["OriginalMessage"] == "no 'instances' in the request"
    assert answer["LogStreamArn"].startswith(f"arn:aws:logs:us-east-1:123456789012:log-group:{endpoint.log_group}")
    assert 'Received client error (400) from primary with message "no' in answer["Error"]["Message"]
    wait_until(lambda: endpoint.metric("Invocation4XXErrors") == 1)


def test_a_crash_in_the_middle_of_a_request(endpoint: Endpoint, wait_until: Wait) -> None:
    endpoint.create({"model": {}})
    endpoint.ask()
    with pytest.raises(ClientError, match="ended with exit code 9") as caught:
        endpoint.ask({"do": "crash"})
    assert caught.value.response["Error"]["Code"] == "ModelError"
    assert endpoint.ask()["model"] == "anonymous"
    wait_until(lambda: endpoint.metric("Invocation5XXErrors") == 1)


def test_a_model_that_outgrows_its_memory(endpoint: Endpoint, wait_until: Wait) -> None:
    endpoint.create({"model": {}})
    with pytest.raises(ClientError) as caught:
        endpoint.ask({"do": "grow", "bytes": 1_200_000_000, "seconds": 30})
    assert caught.value.response["Error"]["Code"] == "ModelError"
    wait_until(lambda: any("out of memory" in line for line in endpoint.lines()))
    assert endpoint.ask()["model"] == "anonymous"


def test_a_model_that_never_answers_times_out(endpoint: Endpoint) -> None:
    endpoint.create({"model": {}})
    with pytest.raises(ClientError, match="Your invocation timed out") as caught:
        endpoint.ask({"seconds": 30})
    assert caught.value.response["OriginalStatusCode"] == 0
    assert endpoint.ask()["model"] == "anonymous"


def test_a_body_of_ten_megabytes_is_refused(endpoint: Endpoint) -> None:
    endpoint.create({"model": {}})
    with pytest.raises(ClientError, match="has oversize body") as caught:
        endpoint.ask(b"x" * 10_000_000)
    assert caught.value.response["Error"]["Code"] == "ValidationError"
    assert endpoint.ask(b"x" * 4 * 2**20)["bytes"] == 4 * 2**20


def test_a_container_that_does_not_start(endpoint: Endpoint) -> None:
    endpoint.create({"model": {"last_words": "weights.safetensors has a flipped byte"}})
    with pytest.raises(ClientError, match="has a flipped byte") as caught:
        endpoint.ask()
    assert caught.value.response["Error"]["Code"] == "ModelError"
    assert caught.value.response["OriginalStatusCode"] == 503


def test_a_model_without_its_archive_fails_to_stand_up(endpoint: Endpoint) -> None:
    endpoint.create({"model": None})
    described = endpoint.describe()
    assert described["EndpointStatus"] == "Failed"
    assert "Could not find model data at s3://" in described["FailureReason"]
    with pytest.raises(ClientError, match="not found"):
        endpoint.ask()


def test_an_endpoint_that_is_not_there(endpoint: Endpoint) -> None:
    with pytest.raises(ClientError) as caught:
        endpoint.ask()
    assert caught.value.response["Error"] == {
        "Code": "ValidationError",
        "Message": f"Endpoint {endpoint.name} of account 123456789012 not found.",
    }


def test_headers_go_both_ways(endpoint: Endpoint) -> None:
    endpoint.create({"model": {"name": "reviews-1"}})
    answer = endpoint.invoke(CustomAttributes="trace=1", Accept="text/csv")
    heard = json.loads(answer["Body"].read())["headers"]
    assert heard["x-amzn-sagemaker-custom-attributes"] == "trace=1"
    assert (heard["accept"], heard["content-type"]) == ("text/csv", "application/json")
    assert "authorization" not in heard
    assert answer["CustomAttributes"] == "from=reviews-1"


def test_an_update_is_picked_up_by_the_next_call_and_the_old_server_ends(endpoint: Endpoint, wait_until: Wait) -> None:
    endpoint.create({"model": {"name": "old"}})
    old = endpoint.ask()
    slow: list[dict[str, Any]] = []
    busy = threading.Thread(target=lambda: slow.append(endpoint.ask({"seconds": 1.0})))
    busy.start()
    wait_until(lambda: "busy" in endpoint.lines())
    endpoint.update({"model": {"name": "new"}})
    assert endpoint.describe()["EndpointStatus"] == "InService"
    assert endpoint.ask()["model"] == "new"
    busy.join()
    wait_until(lambda: not psutil.pid_exists(old["pid"]))
    assert slow[0]["model"] == "old"


def test_deleting_it_ends_its_server(endpoint: Endpoint, wait_until: Wait) -> None:
    endpoint.create({"model": {}})
    pid = endpoint.ask()["pid"]
    endpoint.delete()
    wait_until(lambda: not psutil.pid_exists(pid))
    with pytest.raises(ClientError, match="not found"):
        endpoint.ask()


def test_what_it_prints_and_how_it_fares_can_be_read(endpoint: Endpoint, wait_until: Wait) -> None:
    endpoint.create({"model": {"name": "reviews-1"}})
    for _ in range(3):
        endpoint.ask()
    wait_until(lambda: len(endpoint.lines()) == 2)
    # The cloud's own line may overtake the server's, which comes through a pipe.
    cold_start, serving = sorted(endpoint.lines())
    assert serving == "serving reviews-1"
    assert cold_start.startswith("groundplan: cold start ")
    wait_until(lambda: endpoint.metric("Invocations") == 3)
    assert 0 < endpoint.metric("ModelLatency") < 3e6
    assert 0 < endpoint.metric("OverheadLatency") < 3e6
    assert endpoint.metric("Invocation4XXErrors") == endpoint.metric("Invocation5XXErrors") == 0
    assert endpoint.metric("ServerlessConcurrentExecutionsUtilization", "Maximum") == 1 / 5, (
        "one call at a time of five"
    )


def test_killing_the_server_only_costs_a_cold_start(endpoint: Endpoint, wait_until: Wait) -> None:
    endpoint.create({"model": {}})
    pid = endpoint.ask()["pid"]
    os.kill(pid, 9)
    wait_until(lambda: not psutil.pid_exists(pid))
    assert endpoint.ask()["pid"] != pid


def test_a_serverless_variant_stands_alone(endpoint: Endpoint) -> None:
    with pytest.raises(ClientError, match="is the only one of its endpoint"):
        endpoint.create({"model": {}}, {"model": {}})
