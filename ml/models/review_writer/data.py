"""Short English texts of four kinds, in a package of Hutto and Gilbert (2014)."""

import io
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from ml.data.datasets import Example
from ml.data.sources import fetch
from ml.models.review_sentiment.data import ARCHIVE, SOURCE

__all__ = ["SOURCE", "group", "read"]

FILES = {
    "movies": "movieReviewSnippets_GroundTruth.txt",
    "amazon": "amazonReviewSnippets_GroundTruth.txt",
    "tweets": "tweets_GroundTruth.txt",
    "nyt": "nytEditorialSnippets_GroundTruth.txt",
}


def read(cache: Path) -> Iterator[Example]:
    """Yield every text; the ratings beside them are for other models."""
    with (
        zipfile.ZipFile(fetch(SOURCE, cache)) as package,
        tarfile.open(fileobj=io.BytesIO(package.read(ARCHIVE))) as archive,
    ):
        for kind, name in FILES.items():
            rows = archive.extractfile(f"hutto_ICWSM_2014/{name}")
            assert rows is not None, f"{name} is a file in every copy with the source's hash"
            for line in rows.read().decode("utf-8", errors="replace").splitlines():
                identity, _, text = line.split("\t", 2)
                yield Example(id=f"{kind}-{identity}", text=text.strip(), label=kind)


def group(example: Example) -> str:
    """Name the text that a snippet was cut from: ids are `source_snippet` where a source gave several."""
    return example.id.split("_")[0]
