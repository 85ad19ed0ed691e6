"""Data: fetched once and checked, split without leaks, named by content, refused when it changed."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ml.data import datasets, sources
from ml.data.datasets import Example
from ml.errors import DataError
from ml.models import catalogue
from tests.ml.conftest import CACHE

PACKAGE = sources.SourcePackage(
    name="thing", version="1", filename="thing-1.zip", sha256=hashlib.sha256(b"right").hexdigest(), licence="MIT"
)


def arriving(content: bytes) -> Callable[..., None]:
    """Stand in for pip: the network is off in tests."""
    return lambda package, folder: (folder / package.filename).write_bytes(content)


def no_network(*_: object) -> None:
    raise AssertionError("nothing is to be downloaded")


def test_a_download_is_checked_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "_download", arriving(b"right"))
    fetched = sources.fetch(PACKAGE, tmp_path / "cache")
    monkeypatch.setattr(sources, "_download", no_network)
    assert sources.fetch(PACKAGE, tmp_path / "cache") == fetched
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["thing-1.zip"]


def test_a_damaged_file_is_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "thing-1.zip").write_bytes(b"wrong")
    monkeypatch.setattr(sources, "_download", arriving(b"right"))
    assert sources.fetch(PACKAGE, tmp_path).read_bytes() == b"right"


def test_a_download_of_something_else_is_refused_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "_download", arriving(b"wrong"))
    with pytest.raises(DataError, match=r"is not thing-1\.zip with sha256"):
        sources.fetch(PACKAGE, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_download_that_fails_says_what_pip_said(tmp_path: Path) -> None:
    nowhere = replace(PACKAGE, name="file:nowhere")
    with pytest.raises(DataError, match=r"stopped the download; check the network or pip's index, or put thing-1\.zip"):
        sources.fetch(nowhere, tmp_path)


@given(some.lists(some.tuples(some.integers(0, 30), some.integers(0, 3)), unique=True, max_size=80))
def test_no_group_stands_on_both_sides(identities: list[tuple[int, int]]) -> None:
    examples = [Example(id=f"{group}_{part}", text="t", label="l") for group, part in identities]
    parts = datasets.split(examples, lambda example: example.id.split("_")[0])
    groups = {name: {row.id.split("_")[0] for row in rows} for name, rows in parts.items()}
    assert not groups["train"] & groups["test"]
    assert sorted(row.id for rows in parts.values() for row in rows) == sorted(row.id for row in examples)


def test_an_added_row_moves_no_other() -> None:
    rows = [Example(id=str(number), text="t", label="l") for number in range(200)]
    before, after = (datasets.split(some_rows, lambda row: row.id)["test"] for some_rows in (rows[:-1], rows))
    assert {row.id for row in before} <= {row.id for row in after}
    assert len(before) == pytest.approx(40, abs=20)


def test_texts_that_differ_in_case_and_spacing_alone_count_once() -> None:
    texts = ["A fine film", "a  FINE film ", "another"]
    rows = [Example(id=str(number), text=text, label="l") for number, text in enumerate(texts)]
    assert [row.id for row in datasets.deduplicate(rows)] == ["0", "2"]


def test_the_reviews_are_shuffled_balanced_and_without_leak(reviews: Path) -> None:
    manifest, data = datasets.read(reviews)
    train, test = data["train"], data["test"]
    assert (len(train), len(test)) == (7989, 2081)
    shards = manifest.shards("test").values()
    assert [facts.rows for facts in shards] == [1024, 1024, 33]
    assert sum((Counter(facts.labels) for facts in shards), Counter()) == {"negative": 1068, "positive": 1013}
    # The source is sorted, positive first: a tenth of each file must look like the whole.
    assert 0.4 < sum(row.label == "positive" for row in train[:800]) / 800 < 0.6
    assert not {row.text.casefold() for row in train} & {row.text.casefold() for row in test}
    assert all(row.text.strip() for row in [*train, *test])


def test_preparing_again_gives_the_same_version(reviews: Path, tmp_path: Path) -> None:
    again = datasets.prepare("review_sentiment", CACHE, tmp_path)
    assert again.version == datasets.read(reviews)[0].version
    assert json.loads((tmp_path / "manifest.json").read_text())["version"] == again.version


def test_weak_ratings_are_left_out() -> None:
    part = catalogue.part("review_sentiment", "data")
    assert len(list(part.read(CACHE))) == 10072


@pytest.mark.parametrize("content", ["", "{", '{"model": "x"}', "[]"])
def test_a_manifest_that_cannot_be_read_is_named(content: str, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(DataError, match=r"manifest.json cannot be read .* write it with `python -m ml fetch"):
        datasets.read(tmp_path)
