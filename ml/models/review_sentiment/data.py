"""Film review snippets with a clear rating, and their tokens as the pretrained network knows them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from tokenizers import Tokenizer

from ml.data import rated_texts
from ml.data.datasets import Example
from ml.data.rated_texts import SOURCE
from ml.models.review_sentiment.pretrained import PACKAGE, pretrained_file

__all__ = ["PACKAGES", "SETTINGS", "SOURCE", "group", "read", "transform"]

# Ratings run from -4 to 4; nearer to 0 than this, people did not agree on a side.
WEAKEST_RATING = 0.5
PACKAGES = (PACKAGE, "tokenizers")
# As many as the network has positions; a recipe may use fewer of them.
SETTINGS = {"most_tokens": 512}


def read(cache: Path) -> Iterator[Example]:
    """Yield the snippets with a clear rating, in the order of the file (positive ones first!)."""
    for _, identity, rating, text in rated_texts.read(cache, ["movies"]):
        if abs(rating) >= WEAKEST_RATING:
            yield Example(id=identity, text=text, label="positive" if rating > 0 else "negative")


def group(example: Example) -> str:
    """Name the review that a snippet was cut from: ids are `review_snippet` where a review gave several."""
    return example.id.split("_")[0]


def transform(rows: Sequence[Example], *, most_tokens: int) -> Iterator[Example]:
    """Yield the snippets with their tokens, a beginning and an ending mark around each."""
    tokenizer = Tokenizer.from_file(str(pretrained_file("tokenizer.json")))
    tokenizer.enable_truncation(most_tokens)
    tokenizer.no_padding()
    for row, encoding in zip(rows, tokenizer.encode_batch([row.text for row in rows]), strict=True):
        yield replace(row, tokens=encoding.ids)
