"""Asks an endpoint."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ci.contracts import find_endpoint
from ci.errors import CommandError, WorkError
from ci.result import Result
from ci.site import Site

if TYPE_CHECKING:
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient

# As many as a request may hold by the signature of every model that says nothing else.
BATCH = 64


class Prediction(Result):
    """One answer; `milliseconds` is the time of the whole request that it came with."""

    text: str
    label: str
    score: float
    milliseconds: float


class PredictResult(Result):
    """What an endpoint answered."""

    endpoint: str
    model_version: str
    predictions: tuple[Prediction, ...]


def predict(site: Site, endpoint: str, texts: Sequence[str]) -> PredictResult:
    """Return the endpoint's answers to `texts`, in their order. `endpoint` is the name in its `EndpointSpec`."""
    if not texts:
        raise CommandError(
            thing="predict", value="no text", rule="was given", fix="add texts, --file FILE, or pipe lines into it"
        )
    region, contract = find_endpoint(site, endpoint)
    runtime: SageMakerRuntimeClient = site.client("sagemaker-runtime", region.name)
    answered: list[Prediction] = []
    version = ""
    for batch in _batches(texts):
        started = time.perf_counter()
        answer = invoke(runtime, contract.endpoint_name, [{"text": text} for text in batch])
        milliseconds = (time.perf_counter() - started) * 1000
        version = answer["model_version"]
        answered += [
            Prediction(text=text, label=found["label"], score=found["score"], milliseconds=round(milliseconds, 2))
            for text, found in zip(batch, answer["predictions"], strict=True)
        ]
    return PredictResult(endpoint=endpoint, model_version=version, predictions=tuple(answered))


def invoke(
    runtime: "SageMakerRuntimeClient", endpoint_name: str, instances: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Send one request and return the answer; what the model says against the request becomes our error."""
    body = json.dumps({"instances": list(instances)}).encode()
    try:
        answer = runtime.invoke_endpoint(EndpointName=endpoint_name, ContentType="application/json", Body=body)
    except runtime.exceptions.ModelError as error:
        raise _of_model(endpoint_name, error.response) from error
    found: dict[str, Any] = json.loads(answer["Body"].read())
    return found


def _of_model(endpoint_name: str, response: Mapping[str, Any]) -> WorkError:
    original = response.get("OriginalMessage", "")
    try:
        said = str(json.loads(original)["error"])
    except (ValueError, KeyError, TypeError):
        said = original or "no message"
    return WorkError(
        thing=f"endpoint {endpoint_name!r}",
        value=f"HTTP {response.get('OriginalStatusCode', '?')}",
        rule=f"is what its model answered: {said}",
        fix="mend the request or, where no model was released yet, release one: groundplan release",
    )


def _batches(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    return (texts[start : start + BATCH] for start in range(0, len(texts), BATCH))
