"""What a request must look like: JSON of `{"instances": [...]}`, each instance as the model's signature says."""

import json
import re
from typing import Any

from ml.errors import RequestError
from ml.models.card import Signature, TextField

MOST_BYTES = 6 * 1024 * 1024  # SageMaker's own limit for a real-time request
CONTENT_TYPE = "application/json"
# What a text must hold one of; spelt out, for languages differ on what \s is and the OpenAPI document says it too.
NOT_BLANK = r"[^ \t\n\r]"

Instance = dict[str, Any]


def parse(content_type: str, body: bytes, signature: Signature, most: int | None = None) -> list[Instance]:
    """Return a request's instances, at most so many, or raise `RequestError` with the status that says why not."""
    most = min(most or signature.most_instances, signature.most_instances)
    if content_type.partition(";")[0].strip().lower() != CONTENT_TYPE:
        raise RequestError(415, "content type", repr(content_type), "is not supported", f"send {CONTENT_TYPE}")
    if not body.strip():
        raise _bad("body", "nothing", "was sent", _example(signature))
    try:
        # As `json.loads` does, which would make a decoder anew for each request.
        request = _DECODER.decode(body.decode(json.detect_encoding(body), "surrogatepass"))
    except (ValueError, RecursionError) as error:
        raise _bad(
            "body", repr(body[:40].decode(errors="replace")), f"is not JSON ({error})", _example(signature)
        ) from error
    instances = request.get("instances") if isinstance(request, dict) else None
    if not isinstance(instances, list) or len(request) != 1:
        raise _bad("body", _short(request), "is not an object with the one key 'instances'", _example(signature))
    if not 1 <= len(instances) <= most:
        rule = f"are outside 1 to {most}"
        raise _bad(
            "instances", len(instances), rule, "send them in several requests" if instances else _example(signature)
        )
    for position, instance in enumerate(instances):
        _check(f"instances[{position}]", instance, signature)
    return instances


def _check(where: str, instance: object, signature: Signature) -> None:
    if not isinstance(instance, dict) or instance.keys() != signature.instance.keys():
        raise _bad(where, _short(instance), f"does not hold exactly {sorted(signature.instance)}", _example(signature))
    for name, field in signature.instance.items():
        _check_text(f"{where}.{name}", instance[name], field)


def _check_text(where: str, text: object, field: TextField) -> None:
    if not isinstance(text, str):
        raise _bad(where, _short(text), "is not a string", "send a text")
    if not re.search(NOT_BLANK, text):
        raise _bad(where, repr(text), "is an empty text", "send a text")
    if len(text) > field.most_characters:
        raise _bad(where, f"{len(text)} characters", f"are more than {field.most_characters}", "send a shorter text")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise _bad(where, _short(text), "holds half of a surrogate pair", "send valid Unicode") from error


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError(f"an object has a key twice: {sorted(name for name, _ in pairs)}")
    return found


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON value")


_DECODER = json.JSONDecoder(object_pairs_hook=_without_duplicates, parse_constant=_refuse_constant)


def _bad(thing: str, value: object, rule: str, fix: str) -> RequestError:
    return RequestError(400, thing, value, rule, fix)


def _example(signature: Signature) -> str:
    return f"send {json.dumps({'instances': [dict.fromkeys(signature.instance, '...')]})}"


def _short(value: object) -> str:
    shown = ascii(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
