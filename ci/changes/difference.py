"""What two environments differ in: the words of their files, and what their stacks declare."""

from collections.abc import Iterator
from typing import Any

from ci.manifest import Stack
from ci.result import Result
from infra.spec import Environment

ABSENT, PRESENT = "–", "there"


class Difference(Result):
    """Two environments side by side: place → what stands there in the one and in the other."""

    one: str
    other: str
    fields: dict[str, tuple[str, str]]
    # Stack, less the environment's name → type → how many of it there are.
    stacks: dict[str, dict[str, tuple[int, int]]]
    # Of these stacks, those that only one of the two has.
    only: tuple[str, ...]


def difference(one: Environment, other: Environment, ours: tuple[Stack, ...], theirs: tuple[Stack, ...]) -> Difference:
    """Compare two environments by their fields and by their synthesized stacks; equal places are left out."""
    fields = dict(_unequal(one.model_dump(mode="json"), other.model_dump(mode="json"), ""))
    mine, yours = _types(one.name, ours), _types(other.name, theirs)
    stacks = {
        stack: {
            kind: (mine.get(stack, {}).get(kind, 0), yours.get(stack, {}).get(kind, 0))
            for kind in sorted({*mine.get(stack, {}), *yours.get(stack, {})})
            if mine.get(stack, {}).get(kind, 0) != yours.get(stack, {}).get(kind, 0)
        }
        for stack in dict.fromkeys((*mine, *yours))
    }
    unequal = {stack: types for stack, types in stacks.items() if types}
    only = tuple(stack for stack in unequal if (stack in mine) != (stack in yours))
    return Difference(one=one.name, other=other.name, fields=fields, stacks=unequal, only=only)


def _unequal(one: Any, other: Any, place: str) -> Iterator[tuple[str, tuple[str, str]]]:
    """Each place in which two values differ, at the depth where they begin to."""
    left, right = _named(one), _named(other)
    if left is not None and right is not None:
        for key in dict.fromkeys((*left, *right)):
            yield from _unequal(left.get(key, ABSENT), right.get(key, ABSENT), f"{place}.{key}".strip("."))
    elif one != other:
        yield place, (_text(one), _text(other))


def _named(value: Any) -> dict[str, Any] | None:
    """The parts of a value by name, if it has such; what bears names is not told apart by its order."""
    if isinstance(value, list) and all(isinstance(part, dict) for part in value):
        return {str(part.get("name", at)): part for at, part in enumerate(value)}
    return value if isinstance(value, dict) else None


def _text(value: Any) -> str:
    if value == ABSENT:
        return ABSENT
    return PRESENT if isinstance(value, dict) else repr(value)


def _types(environment: str, stacks: tuple[Stack, ...]) -> dict[str, dict[str, int]]:
    return {stack.id.removeprefix(f"{environment}-"): stack.types for stack in stacks}
