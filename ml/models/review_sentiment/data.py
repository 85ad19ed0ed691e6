"""Film review snippets with a clear rating."""

from collections.abc import Iterator
from pathlib import Path

from ml.data import rated_texts
from ml.data.datasets import Example
from ml.data.rated_texts import SOURCE

__all__ = ["SOURCE", "group", "read"]

# Ratings run from -4 to 4; nearer to 0 than this, people did not agree on a side.
WEAKEST_RATING = 0.5


def read(cache: Path) -> Iterator[Example]:
    """Yield the snippets with a clear rating, in the order of the file (positive ones first!)."""
    for _, identity, rating, text in rated_texts.read(cache, ["movies"]):
        if abs(rating) >= WEAKEST_RATING:
            yield Example(id=identity, text=text, label="positive" if rating > 0 else "negative")


def group(example: Example) -> str:
    """Name the review that a snippet was cut from: ids are `review_snippet` where a review gave several."""
    return example.id.split("_")[0]
