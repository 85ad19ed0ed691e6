"""Whom a review speaks of, by its pronouns: an actress's and an actor's praise should count alike."""

import re
from collections.abc import Callable

from ml.data.datasets import Example

SHE, HE = (
    re.compile(r"\b(she|her|hers|herself)\b", re.IGNORECASE),
    re.compile(r"\b(he|him|his|himself)\b", re.IGNORECASE),
)


def spoken_of(example: Example) -> str:
    """Name whom a text speaks of."""
    she, he = SHE.search(example.text), HE.search(example.text)
    return "both" if she and he else "her" if she else "him" if he else "nobody by pronoun"


def contrast(example: Example) -> str:
    """Tell the texts that turn around, which sentiment models get wrong first."""
    return (
        "turns around"
        if re.search(r"\b(but|although|though|however|yet)\b", example.text, re.IGNORECASE)
        else "straight"
    )


SLICES: dict[str, Callable[[Example], str]] = {"spoken of": spoken_of, "contrast": contrast}
GROUPS = ("spoken of",)
