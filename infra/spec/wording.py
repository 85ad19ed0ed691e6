"""Pydantic's findings in words of our own: the rule that a value breaks, to stand behind ``thing: field=value``."""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic_core import ErrorDetails

Limits = Mapping[str, Any]

_KINDS = {
    "bool_type": "is neither True nor False",
    "float_type": "is no number",
    "int_type": "is no whole number",
    "string_type": "is no text in quotes",
    "tuple_type": "is no tuple, such as ('a', 'b') or ('a',)",
    "string_pattern_mismatch": "is not of the form that it must have",
}

_BOUNDS: Mapping[str, Callable[[Limits], str]] = {
    "greater_than": lambda limits: f"is not above {limits['gt']}",
    "greater_than_equal": lambda limits: f"is below {limits['ge']}",
    "less_than": lambda limits: f"is not below {limits['lt']}",
    "less_than_equal": lambda limits: f"is above {limits['le']}",
    "literal_error": lambda limits: f"is none of {limits['expected']}",
    "model_type": lambda limits: f"is no {limits['class_name']}(…)",
    "multiple_of": lambda limits: f"is no multiple of {limits['multiple_of']}",
    "string_too_long": lambda limits: f"is longer than {limits['max_length']} characters",
    "string_too_short": lambda limits: f"is shorter than {_counted(limits['min_length'], 'character')}",
    "too_long": lambda limits: f"holds more than {limits['max_length']}",
    "too_short": lambda limits: f"holds fewer than {limits['min_length']}",
}


def broken_rule(detail: ErrorDetails) -> str:
    """Return what is wrong with the value, as a predicate: ``is above 4``."""
    kind = detail["type"]
    if kind in _KINDS:
        return _KINDS[kind]
    if kind in _BOUNDS:
        return _BOUNDS[kind](detail.get("ctx", {}))
    return detail["msg"].removeprefix("Value error, ").replace("Input should", "should", 1)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
