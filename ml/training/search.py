"""Where `groundplan tune` may look for better values: a model's `SEARCH`, field of its recipe → one of these words."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from ml.errors import InputError, nearest
from ml.training.recipe import Recipe

Value = bool | int | float | str


@dataclass(frozen=True)
class Uniform:
    """Any number from `low` to `high`."""

    low: float
    high: float

    def __post_init__(self) -> None:
        _check_bounds(self.low, self.high, at_least=-math.inf)

    def __contains__(self, value: object) -> bool:
        return isinstance(value, float) and self.low <= value <= self.high


@dataclass(frozen=True)
class LogUniform(Uniform):
    """Any number from `low` to `high`, each power of ten as likely as another: for rates and strengths."""

    def __post_init__(self) -> None:
        _check_bounds(self.low, self.high, at_least=math.ulp(0.0))


@dataclass(frozen=True)
class Whole:
    """Any whole number from `low` to `high`, both included."""

    low: int
    high: int

    def __post_init__(self) -> None:
        _check_bounds(self.low, self.high, at_least=-math.inf)

    def __contains__(self, value: object) -> bool:
        return isinstance(value, int) and self.low <= value <= self.high


@dataclass(frozen=True)
class Choice:
    """One of some values that have no order, or few: `Choice((16, 32, 64))`."""

    options: tuple[Value, ...]

    def __post_init__(self) -> None:
        if len(set(self.options)) < max(2, len(self.options)):
            raise InputError("word of a SEARCH", self, "offers no choice, or one twice", "name two or more values")

    def __contains__(self, value: object) -> bool:
        return value in self.options


Word = Uniform | LogUniform | Whole | Choice
Search = Mapping[str, Word]


def defaults(search: Search, recipe: Recipe) -> dict[str, Value]:
    """Return the recipe's own values of what is searched; each must lie where the search looks, to be compared."""
    values = asdict(recipe)
    for name, word in search.items():
        if name not in values:
            raise InputError("SEARCH", repr(name), "is no field of the recipe", nearest(name, values))
        if values[name] not in word:
            raise InputError(f"SEARCH {name!r}", word, f"does not hold the recipe's own {values[name]!r}", "widen it")
    return {name: values[name] for name in search}


def _check_bounds(low: float, high: float, *, at_least: float) -> None:
    if not at_least <= low < high < math.inf:
        above = " and above 0" if at_least > 0 else ""
        raise InputError("word of a SEARCH", f"{low} to {high}", "is no range", f"give low < high, finite{above}")
