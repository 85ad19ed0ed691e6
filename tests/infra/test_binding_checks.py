"""Cheaper checks of the bindings' arguments judge as the dear ones do, and end with the app."""

import typing
from typing import Any

import pytest
import typeguard

from infra.binding_checks import cheap_checks


def generated(name: str, count: "typing.Optional[int]" = None) -> None:  # noqa: UP045
    """Stand for a constructor's stub, whose hints are read as text, and are as jsii writes them."""


@pytest.mark.parametrize(
    ("argument", "value", "refused"),
    [("name", "a", False), ("name", 5, True), ("name", None, True), ("count", None, False), ("count", "5", True)],
)
def test_the_verdict_is_the_same_the_second_time(argument: str, value: Any, refused: bool) -> None:
    with cheap_checks():
        for _ in range(2):
            expected = typing.get_type_hints(generated)[argument]
            if refused:
                with pytest.raises(TypeError, match=f"type of {argument} must be"):
                    typeguard.check_type(argname=argument, value=value, expected_type=expected)
            else:
                typeguard.check_type(argname=argument, value=value, expected_type=expected)


def test_what_holds_values_is_judged_each_time() -> None:
    with cheap_checks():
        typeguard.check_type("names", ["a"], list[str])
        with pytest.raises(TypeError, match="names"):
            typeguard.check_type("names", [5], list[str])


def test_others_get_their_own_checks_back() -> None:
    before = typing.get_type_hints, typeguard.check_type
    with cheap_checks():
        assert before[0] is not typing.get_type_hints
    assert (typing.get_type_hints, typeguard.check_type) == before
