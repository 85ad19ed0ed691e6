"""The paths of each model, and the OpenAPI 3.1 document about them, made from the signatures that the server checks."""

import json
from collections.abc import Mapping
from typing import Any

from ml.models.card import AnswerField, Signature, TextField
from ml.serving.explanations import MOST_EXPLAINED
from ml.serving.loading import ServedModel
from ml.serving.requests import CONTENT_TYPE, MOST_BYTES, NOT_BLANK

Schema = dict[str, Any]
REFUSALS = {
    400: "The body is not what its schema says; `error` names what, and what to send",
    408: "The request took too long to arrive",
    413: f"The body has more than {MOST_BYTES} bytes",
    415: f"The content type is not {CONTENT_TYPE}",
    429: "Too much waits already; Retry-After says when to call again",
    431: "The head of the request is too long",
    500: "The model failed",
    503: "There is no answer in time",
}
ERROR = {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}}


def routes(name: str, model: ServedModel, *, is_alone: bool) -> dict[str, str]:
    """Return the paths that ask a model, and for what."""
    verbs = ("predict", "explain") if model.explains else ("predict",)
    found = {f"/v1/models/{name}/{verb}": verb for verb in verbs} | {f"/models/{name}/invoke": "predict"}
    if is_alone:
        found |= {f"/v1/{verb}": verb for verb in verbs} | {"/invocations": "predict"}
    return found


def document(models: Mapping[str, ServedModel]) -> bytes:
    """Return the document of a server of these models."""
    paths: dict[str, Schema] = {
        "/ping": {"get": _operation("Is the server well?", "ping", {"description": "It is"})},
        "/metrics": {"get": _operation("Counts for Prometheus", "metrics", _content("Counts", "text/plain", {}))},
    }
    for name, model in models.items():
        for path, verb in routes(name, model, is_alone=len(models) == 1).items():
            paths[path] = {"post": _asking(model, verb, path.strip("/").replace("/", "_"))}
    title, version = ", ".join(models) or "no model yet", ", ".join(model.version for model in models.values())
    return json.dumps({"openapi": "3.1.0", "info": {"title": title, "version": version}, "paths": paths}).encode()


def _asking(model: ServedModel, verb: str, operation: str) -> Schema:
    signature = model.signature
    explains = verb == "explain"
    most = min(MOST_EXPLAINED, signature.most_instances) if explains else signature.most_instances
    instance = _object({name: _text(field) for name, field in signature.instance.items()})
    body = _object({"instances": {"type": "array", "minItems": 1, "maxItems": most, "items": instance}})
    name, value = ("explanations", _explanation(signature)) if explains else ("predictions", _prediction(signature))
    answer = _object({name: {"type": "array", "items": value}, "model_version": {"const": model.version}})
    described = _operation(
        "Which parts of a text a prediction stands on" if explains else "Predictions, one for each instance",
        operation,
        _content("One for each instance, in their order", CONTENT_TYPE, answer),
    )
    described["requestBody"] = {"required": True, "content": {CONTENT_TYPE: {"schema": body}}}
    described["responses"] |= {str(status): _content(why, CONTENT_TYPE, ERROR) for status, why in REFUSALS.items()}
    return described


def _operation(summary: str, operation: str, answer: Schema) -> Schema:
    return {"summary": summary, "operationId": operation, "responses": {"200": answer}}


def _content(description: str, content_type: str, schema: Schema) -> Schema:
    return {"description": description, "content": {content_type: {"schema": schema}}}


def _object(properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": [*properties], "additionalProperties": False}


def _text(field: TextField) -> Schema:
    return {"type": field.type, "minLength": 1, "maxLength": field.most_characters, "pattern": NOT_BLANK}


def _prediction(signature: Signature) -> Schema:
    if not signature.prediction:  # A bundle from before signatures said it.
        return {"type": "object"}
    return _object({name: _value(field) for name, field in signature.prediction.items()})


def _value(field: AnswerField) -> Schema:
    bounds = {"enum": list(field.choices) or None, "minimum": field.least, "maximum": field.most}
    return {"type": field.type, **{word: value for word, value in bounds.items() if value is not None}}


def _explanation(signature: Signature) -> Schema:
    place = {"type": "integer", "minimum": 0}
    part = {"field": {"enum": [*signature.instance]}, "start": place, "end": place, "weight": {"type": "number"}}
    return _object(
        {
            "label": {"enum": list(signature.labels)},
            "score": {"type": "number", "minimum": 0, "maximum": 1},
            "parts": {"type": "array", "items": _object(part)},
        }
    )
