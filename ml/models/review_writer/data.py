"""Short English texts of four kinds, without their ratings."""

from collections.abc import Iterator
from pathlib import Path

from ml.data import rated_texts
from ml.data.datasets import Example
from ml.data.rated_texts import SOURCE

__all__ = ["SOURCE", "group", "read"]


def read(cache: Path) -> Iterator[Example]:
    """Yield every text; its kind is its label."""
    for kind, identity, _, text in rated_texts.read(cache, rated_texts.FILES):
        yield Example(id=f"{kind}-{identity}", text=text, label=kind)


def group(example: Example) -> str:
    """Name the text that a snippet was cut from: ids are `source_snippet` where a source gave several."""
    return example.id.split("_")[0]
