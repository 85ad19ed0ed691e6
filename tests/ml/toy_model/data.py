"""Words made of a, b and c."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

from ml.data.datasets import Example
from ml.data.sources import SourcePackage

SOURCE = SourcePackage(name="none", version="0", filename="none", sha256="", licence="none")


def read(_cache: Path) -> Iterator[Example]:
    """Yield words, sorted by label as real sources are."""
    random = Random(5)
    words = {"".join(random.choices("abc", k=random.randint(3, 9))) for _ in range(400)}
    labelled = [(word, "a" if word.count("a") > word.count("b") else "b") for word in sorted(words)]
    for position, (word, label) in enumerate(sorted(labelled, key=lambda pair: pair[1])):
        yield Example(id=f"{position // 2}_{position % 2}", text=word, label=label)


def group(example: Example) -> str:
    """Two words a group."""
    return example.id.split("_")[0]
