"""Asks an endpoint."""

import json
import time
from collections.abc import Iterator, Sequence
from typing import Any

from ci.contracts import find_endpoint
from ci.errors import CommandError
from ci.invocation import Caller
from ci.result import Result
from ci.site import Site
from ml.models import catalogue
from ml.models.card import Signature


class Prediction(Result):
    """What the model's handler answered to one text; `milliseconds` is the time of the whole request it came with."""

    text: str
    answer: dict[str, Any]
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
    signature = catalogue.card(contract.model).signature
    instances = [_instance(text, signature) for text in texts]
    caller = Caller(site, region.name, contract)
    answered: list[Prediction] = []
    version = ""
    for batch in _batches(len(texts), signature.most_instances):
        started = time.perf_counter()
        answer = caller.ask(instances[batch])
        milliseconds = round((time.perf_counter() - started) * 1000, 2)
        version = answer["model_version"]
        answered += [
            Prediction(text=text, answer=found, milliseconds=milliseconds)
            for text, found in zip(texts[batch], answer["predictions"], strict=True)
        ]
    return PredictResult(endpoint=endpoint, model_version=version, predictions=tuple(answered))


def _instance(text: str, signature: Signature) -> dict[str, Any]:
    """A text is the one field that most models take; one with several takes them as a JSON object."""
    if len(signature.instance) == 1:
        return dict.fromkeys(signature.instance, text)
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        example = json.dumps(dict.fromkeys(signature.instance, "…"), ensure_ascii=False)
        raise CommandError(thing="predict", value=repr(text), rule="is no JSON object", fix=f"write {example}")
    return found


def _batches(count: int, most: int) -> Iterator[slice]:
    return (slice(start, start + most) for start in range(0, count, most))
