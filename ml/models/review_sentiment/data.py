"""Film review snippets rated by twenty people each, in a package of Hutto and Gilbert (2014)."""

import io
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from ml.data.datasets import Example
from ml.data.sources import SourcePackage, fetch

SOURCE = SourcePackage(
    name="vaderSentiment",
    version="0.5",
    filename="vaderSentiment-0.5.zip",
    sha256="5d97c37f3ef6e24eef331122e055dbedafeb6a56abfce0608b326701116ea49a",
    licence="MIT, copyright (c) 2014 cjhutto; the texts are their authors' and are not redistributed",
)
ARCHIVE = "vaderSentiment-0.5/additional_resources/hutto_ICWSM_2014.tar.gz"
RATINGS = "hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt"
# Ratings run from -4 to 4; nearer to 0 than this, people did not agree on a side.
WEAKEST_RATING = 0.5


def read(cache: Path) -> Iterator[Example]:
    """Yield the snippets with a clear rating, in the order of the file (positive ones first!)."""
    with (
        zipfile.ZipFile(fetch(SOURCE, cache)) as package,
        tarfile.open(fileobj=io.BytesIO(package.read(ARCHIVE))) as archive,
    ):
        ratings = archive.extractfile(RATINGS)
        assert ratings is not None, f"{RATINGS} is a file in every copy with the hash above"
        for line in ratings.read().decode("utf-8").splitlines():
            identity, rating, text = line.split("\t")
            if abs(float(rating)) >= WEAKEST_RATING:
                yield Example(id=identity, text=text.strip(), label="positive" if float(rating) > 0 else "negative")


def group(example: Example) -> str:
    """Name the review that a snippet was cut from: ids are `review_snippet` where a review gave several."""
    return example.id.split("_")[0]
