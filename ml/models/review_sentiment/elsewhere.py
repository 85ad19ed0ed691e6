"""Texts of other domains than films: without their labels to distil by, with them to judge what was made.

Their labels are never learnt from: what they tell is how a model that films taught does elsewhere.
"""

from collections.abc import Iterator
from pathlib import Path

from ml.data import rated_texts
from ml.data.datasets import Example
from ml.data.rated_texts import SOURCE
from ml.models.review_sentiment.data import WEAKEST_RATING

__all__ = ["OWN", "SOURCE", "domain", "group", "read"]

# What the model's own texts are called beside these.
OWN = "movies"
OTHERS = ("amazon", "tweets", "nyt")


def read(cache: Path) -> Iterator[Example]:
    """Yield the texts; those whose raters did not agree on a side are `unclear`."""
    for kind, identity, rating, text in rated_texts.read(cache, OTHERS):
        clear = "positive" if rating > 0 else "negative"
        yield Example(id=f"{kind}-{identity}", text=text, label=clear if abs(rating) >= WEAKEST_RATING else "unclear")


def group(example: Example) -> str:
    """Name the text that a snippet was cut from: ids are `domain-text_snippet`."""
    return example.id.split("_")[0]


def domain(example: Example) -> str:
    """Name the domain that a text comes from."""
    return example.id.partition("-")[0]
