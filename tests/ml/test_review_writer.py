"""The second model: trained from nothing, exported, and answering as its bundle's handler does."""

from pathlib import Path

import numpy as np
import pytest
import torch

from ml.data import datasets
from ml.models import catalogue
from ml.models.review_writer import baseline
from ml.models.review_writer.model import Writer
from ml.models.review_writer.prompts import rows
from ml.models.review_writer.task import windows
from tests.ml.conftest import CACHE
from tests.ml.jobs import UNTRACKED, Job


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("texts")
    datasets.prepare("review_writer", CACHE, out)
    return out


def example(text: str) -> datasets.Example:
    return datasets.Example(id="1", text=text, label="movies")


def test_no_position_sees_what_comes_after_it() -> None:
    writer = Writer(layers=2, heads=2, width=16, context=8).eval()
    one = torch.tensor([[1, 2, 3, 4, 5, 6]])
    other = one.clone()
    other[0, 4:] = 9
    with torch.inference_mode():
        assert torch.equal(writer(one)[:, :4], writer(other)[:, :4])
        assert not torch.equal(writer(one)[:, 4:], writer(other)[:, 4:])


def test_windows_overlap_by_the_byte_that_one_predicts_and_the_next_begins_with() -> None:
    cut = windows([example("abcd"), example("efg")], context=3)
    assert [bytes(row.tolist()) for row in cut] == [b"abcd", b"d\nef"]


def test_a_prompt_begins_as_a_text_begins() -> None:
    assert rows([b"ab", b"c"], context=3).tolist() == [[10, 97, 98], [10, 10, 99]]
    assert rows([b"abcdef"], context=4).tolist() == [list(b"cdef")]
    assert rows([b""], context=4).dtype == np.int64


def test_the_rival_guesses_what_came_most_often() -> None:
    assert baseline.accuracy([example("ababab")], [example("abab")]) == 1.0
    assert baseline.accuracy([example("abcabd")], [example("xyz")]) == 0.0


@pytest.mark.slow
def test_it_is_trained_exported_and_answers(texts: Path, tmp_path: Path) -> None:
    few = {"model": "review_writer", "recipe": "debug", "most_examples": 120}
    trained = Job(base=tmp_path / "train", environment=UNTRACKED).configure(few, texts)
    trained.run("train").well()
    curve = trained.report()["curve"]
    assert isinstance(curve, list)
    assert curve[-2]["loss"] < curve[0]["loss"] < np.log(256)
    from ml import contract
    from ml.release import archive

    job = Job(base=tmp_path / "optimize").configure({}, texts)
    channel = job.base / "input" / "data" / contract.MODEL_CHANNEL
    channel.mkdir()
    archive.pack({path.name: path for path in (trained.base / "model").iterdir()}, channel / contract.MODEL_ARCHIVE)
    job.run("optimize").well()
    handler = catalogue.part("review_writer", "handler").load(job.base / "model", 1)
    together = handler.predict([{"text": "This film is"}, {"text": "A much longer beginning of another text"}])
    alone = handler.predict([{"text": "This film is"}])
    assert together[0] == alone[0]
    assert len(alone[0]["continuation"]) <= 80
