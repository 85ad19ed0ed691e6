"""Parts of the held-out rows that are judged by themselves, for a model that is good on average may fail many."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from math import sqrt

from ml.data.datasets import Example
from ml.models import catalogue

Slicing = Callable[[Example], str]
# Of a text in words: up to so many, and over the last.
LENGTHS = (10, 20, 40)
# Standard deviations to each side that hold 95 of 100 samples.
DEVIATIONS = 1.96


@dataclass(frozen=True, kw_only=True)
class Share:
    """A share of rows, and where it lies with 95 % confidence (Wilson, 1927)."""

    rows: int
    share: float
    least: float
    most: float


@dataclass(frozen=True, kw_only=True)
class Row:
    """A held-out row with the label that was predicted, and how surely."""

    example: Example
    label: str
    score: float

    @property
    def is_right(self) -> bool:
        """Whether that is the true label."""
        return self.label == self.example.label


def length(example: Example) -> str:
    """Name a text's length."""
    words = len(example.text.split())
    least = 1
    for most in LENGTHS:
        if words <= most:
            return f"{least} to {most} words"
        least = most + 1
    return f"over {LENGTHS[-1]} words"


def label(example: Example) -> str:
    """Name a row's true label."""
    return example.label


def of(model: str) -> tuple[Mapping[str, Slicing], Sequence[str]]:
    """Return the slicings of a model, everybody's and its own, and which of them are groups of people."""
    own: dict[str, Slicing] = {}
    groups: Sequence[str] = ()
    if find_spec(f"ml.models.{model}.slices"):
        part = catalogue.part(model, "slices")
        own, groups = part.SLICES, part.GROUPS
    return {"length": length, "label": label, **own}, groups


def split(rows: Sequence[Row], slicing: Slicing) -> dict[str, list[Row]]:
    """Return the rows by their slice, the slices by name."""
    parts: dict[str, list[Row]] = {}
    for row in rows:
        parts.setdefault(slicing(row.example), []).append(row)
    return dict(sorted(parts.items()))


def right(rows: Sequence[Row]) -> Share:
    """Return the share of right answers."""
    return share(sum(row.is_right for row in rows), len(rows))


def share(count: int, rows: int) -> Share:
    """Return `count` of `rows` as a share; of no rows anything may be so."""
    if not rows:
        return Share(rows=0, share=0.0, least=0.0, most=1.0)
    part, weight = count / rows, DEVIATIONS**2 / rows
    middle, half = part + weight / 2, DEVIATIONS * sqrt(part * (1 - part) / rows + weight / (4 * rows))
    least, most = ((middle + sign * half) / (1 + weight) for sign in (-1, 1))
    return Share(rows=rows, share=round(part, 6), least=round(max(0.0, least), 6), most=round(min(1.0, most), 6))
