"""Asks an endpoint."""

import time
from collections.abc import Iterator, Sequence

from ci.contracts import find_endpoint
from ci.errors import CommandError
from ci.invocation import Caller
from ci.result import Result
from ci.site import Site

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
    caller = Caller(site, region.name, contract)
    answered: list[Prediction] = []
    version = ""
    for batch in _batches(texts):
        started = time.perf_counter()
        answer = caller.ask([{"text": text} for text in batch])
        milliseconds = (time.perf_counter() - started) * 1000
        version = answer["model_version"]
        answered += [
            Prediction(text=text, label=found["label"], score=found["score"], milliseconds=round(milliseconds, 2))
            for text, found in zip(batch, answer["predictions"], strict=True)
        ]
    return PredictResult(endpoint=endpoint, model_version=version, predictions=tuple(answered))


def _batches(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    return (texts[start : start + BATCH] for start in range(0, len(texts), BATCH))
