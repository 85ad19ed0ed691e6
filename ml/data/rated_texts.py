"""Short English texts that twenty people each rated from -4 to 4 (Hutto and Gilbert, ICWSM 2014), in a package."""

import io
import tarfile
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from ml.data.sources import SourcePackage, fetch

SOURCE = SourcePackage(
    name="vaderSentiment",
    version="0.5",
    filename="vaderSentiment-0.5.zip",
    sha256="5d97c37f3ef6e24eef331122e055dbedafeb6a56abfce0608b326701116ea49a",
    licence="MIT, copyright (c) 2014 cjhutto; the texts are their authors' and are not redistributed",
)
ARCHIVE = "vaderSentiment-0.5/additional_resources/hutto_ICWSM_2014.tar.gz"
FILES = {
    "movies": "movieReviewSnippets_GroundTruth.txt",
    "amazon": "amazonReviewSnippets_GroundTruth.txt",
    "tweets": "tweets_GroundTruth.txt",
    "nyt": "nytEditorialSnippets_GroundTruth.txt",
}


def read(cache: Path, kinds: Iterable[str]) -> Iterator[tuple[str, str, float, str]]:
    """Yield kind, id, mean rating and text of each row, kind by kind in the files' order; ids are `source_snippet`."""
    with (
        zipfile.ZipFile(fetch(SOURCE, cache)) as package,
        tarfile.open(fileobj=io.BytesIO(package.read(ARCHIVE))) as archive,
    ):
        for kind in kinds:
            rows = archive.extractfile(f"hutto_ICWSM_2014/{FILES[kind]}")
            assert rows is not None, f"{FILES[kind]} is a file in every copy with the hash above"
            for line in rows.read().decode("utf-8", errors="replace").splitlines():
                identity, rating, text = line.split("\t", 2)
                yield kind, identity, float(rating), text.strip()
