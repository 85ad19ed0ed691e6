"""What the server takes for a request, and the words with which it refuses the rest."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ml.errors import RequestError
from ml.models.card import Signature, TextField
from ml.serving import requests

SIGNATURE = Signature(instance={"text": TextField(most_characters=10)}, labels=("no", "yes"), most_instances=3)


def parse(body: bytes, content_type: str = "application/json") -> list[requests.Instance]:
    return requests.parse(content_type, body, SIGNATURE)


@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON; charset=utf-8"])
def test_a_good_request(content_type: str) -> None:
    assert parse('{"instances": [{"text": "grüß dich"}]}'.encode(), content_type) == [{"text": "grüß dich"}]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", 'nothing was sent; send {"instances": [{"text": "..."}]}'),
        (b" \n", "nothing was sent"),
        (b"hello", "is not JSON"),
        (b'{"instances": [', "is not JSON"),
        (b"\xff\xfe\x00", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b"null", "is not an object with the one key 'instances'"),
        (b'{"instances": 3}', "is not an object with the one key 'instances'"),
        (b'{"instances": [{"text": "a"}], "more": 1}', "is not an object with the one key 'instances'"),
        (b'{"instances": []}', "0 are outside 1 to 3"),
        (b'{"instances": [1, 2, 3, 4]}', "4 are outside 1 to 3"),
        (b'{"instances": [{"text": NaN}]}', "NaN is no JSON value"),
        (b'{"instances": [{"text": -Infinity}]}', "-Infinity is no JSON value"),
        (b'{"instances": [{"text": "a", "text": "b"}]}', "has a key twice"),
        (b'{"instances": [{"txt": "a"}]}', "does not hold exactly ['text']"),
        (b'{"instances": ["a"]}', "does not hold exactly ['text']"),
        (b'{"instances": [{"text": "a"}, {"text": 1e999}]}', "instances[1].text: inf is not a string"),
        (b'{"instances": [{"text": null}]}', "None is not a string"),
        (b'{"instances": [{"text": " "}]}', "is an empty text"),
        (b'{"instances": [{"text": "12345678901"}]}', "11 characters are more than 10"),
        (b'{"instances": [{"text": "\\ud800"}]}', "half of a surrogate pair"),
    ],
)
def test_a_bad_request_is_told_what_is_wrong(body: bytes, says: str) -> None:
    with pytest.raises(RequestError) as refused:
        parse(body)
    assert refused.value.status == 400
    assert says in str(refused.value)
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-npy"])
def test_another_content_type_is_not_supported(content_type: str) -> None:
    with pytest.raises(RequestError, match="is not supported; send application/json") as refused:
        parse(b"{}", content_type)
    assert refused.value.status == 415


@given(some.binary(max_size=200))
def test_bytes_are_parsed_or_refused_and_nothing_else(body: bytes) -> None:
    with pytest.raises(RequestError):
        parse(body)


JSON_VALUES = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats(allow_nan=False) | some.text(max_size=12),
    lambda children: some.lists(children, max_size=4) | some.dictionaries(some.text(max_size=4), children, max_size=3),
    max_leaves=10,
)


@given(some.lists(some.fixed_dictionaries({"text": JSON_VALUES}) | JSON_VALUES, max_size=4))
def test_whatever_is_let_through_holds_to_the_signature(instances: list[object]) -> None:
    try:
        accepted = parse(json.dumps({"instances": instances}).encode())
    except RequestError:
        return
    assert 1 <= len(accepted) <= 3
    for instance in accepted:
        assert instance.keys() == {"text"}
        assert instance["text"].strip(" \t\r\n")
        assert len(instance["text"]) <= 10
