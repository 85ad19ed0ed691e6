"""Data capture: what is asked and answered, as JSON lines where SageMaker puts them."""

import base64
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

Endpoint = Any  # conftest.Endpoint
Client = Callable[[str], Any]
Wait = Callable[..., None]
INSTANCE = {"InstanceType": "ml.m5.large", "InitialInstanceCount": 1}


@pytest.fixture
def captured(client: Client, endpoint: Endpoint) -> Callable[[], list[dict[str, Any]]]:
    """Let the endpoint's configurations keep everything; return what is kept so far."""
    endpoint.settings["DataCaptureConfig"] = {
        "EnableCapture": True,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": "s3://machines/captured",
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": {"JsonContentTypes": ["application/json"]},
    }

    def read() -> list[dict[str, Any]]:
        s3, prefix = client("s3"), f"captured/{endpoint.name}/"
        keys = [found["Key"] for found in s3.list_objects_v2(Bucket="machines", Prefix=prefix).get("Contents", [])]
        for key in keys:
            # The hour is a folder, as Model Monitor looks for it.
            assert re.fullmatch(
                r"variant-0/\d{4}/\d\d/\d\d/\d\d/\d\d-\d\d-\d{3}-[0-9a-f-]{36}\.jsonl", key[len(prefix) :]
            )
        texts = [s3.get_object(Bucket="machines", Key=key)["Body"].read().decode() for key in keys]
        return [json.loads(line) for text in texts for line in text.splitlines()]

    return read


def test_each_request_is_a_line_with_both_sides(endpoint: Endpoint, captured: Any, wait_until: Wait) -> None:
    endpoint.create({"model": {"name": "kept"}, **INSTANCE}).settled()
    answer = endpoint.invoke({"text": "good"}, InferenceId="mine", CustomAttributes="from=test")
    said = answer["Body"].read().decode()
    wait_until(captured)
    [line] = captured()
    assert line["captureData"]["endpointInput"] == {
        "observedContentType": "application/json",
        "mode": "INPUT",
        "data": '{"text": "good"}',
        "encoding": "JSON",
    }
    assert line["captureData"]["endpointOutput"]["data"] == said
    assert line["eventMetadata"]["eventId"] == answer["ResponseMetadata"]["RequestId"]
    assert line["eventMetadata"]["inferenceId"] == "mine"
    assert line["eventMetadata"]["customAttributes"] == ["from=test"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", line["eventMetadata"]["inferenceTime"])
    assert line["eventVersion"] == "0"


def test_what_is_not_called_text_is_written_as_base64(endpoint: Endpoint, captured: Any, wait_until: Wait) -> None:
    endpoint.create({"model": {}, **INSTANCE}).settled()
    endpoint.invoke(b"\xff\x00", ContentType="application/octet-stream")
    wait_until(captured)
    side = captured()[0]["captureData"]["endpointInput"]
    assert (side["encoding"], base64.b64decode(side["data"])) == ("BASE64", b"\xff\x00")


def test_only_the_configured_share_is_kept_and_failures_are_not(
    endpoint: Endpoint, captured: Any, wait_until: Wait
) -> None:
    endpoint.settings["DataCaptureConfig"] |= {"InitialSamplingPercentage": 20}
    endpoint.create({"model": {}, **INSTANCE}).settled()
    for _ in range(100):
        endpoint.ask()
    wait_until(lambda: 3 < len(captured()) < 50)
    capture = endpoint.settings.pop("DataCaptureConfig")
    unseen = settled_and_asked(endpoint)
    endpoint.settings["DataCaptureConfig"] = capture | {"InitialSamplingPercentage": 100}
    seen = settled_and_asked(endpoint)
    # Lines are written some time after their answers, in the answers' order.
    wait_until(lambda: seen in ids(captured()))
    assert unseen not in ids(captured())


def settled_and_asked(endpoint: Endpoint) -> str:
    """Take the endpoint's settings of now into service; return the id of one request to it."""
    endpoint.update({"model": {}, **INSTANCE})
    endpoint.settled()
    return str(endpoint.invoke()["ResponseMetadata"]["RequestId"])


def ids(lines: list[dict[str, Any]]) -> set[str]:
    return {line["eventMetadata"]["eventId"] for line in lines}
