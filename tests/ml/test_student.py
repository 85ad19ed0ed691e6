"""The student: what it learns by, what its words begin as, and that what fills a short text up changes nothing."""

from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer

from ml.data import datasets
from ml.data.datasets import Example
from ml.models import catalogue
from ml.models.review_sentiment import elsewhere, student, transfer
from ml.models.review_sentiment.model import WORDS
from ml.models.review_sentiment.pretrained import pretrained_file
from ml.models.review_sentiment.recipes import StudentShape
from ml.optimization import export, quantize
from ml.optimization.distil import distance
from tests.ml.conftest import CACHE

SHAPE = StudentShape(words=400, width=8, channels=8)
TEXT = "An unputdownable, bittersweet tragicomedy"


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    found = Tokenizer.from_file(str(pretrained_file("tokenizer.json")))
    found.no_padding()
    return found


@pytest.fixture(scope="module")
def made() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Counts of words, and the rows that they make of random meanings, of which 7 and 20000 are nearly one."""
    torch.manual_seed(3)
    meanings, counts = torch.randn(WORDS, 384), torch.zeros(WORDS, dtype=torch.int64)
    counts[1:400] = torch.arange(399, 0, -1)
    meanings[20000] = meanings[7] + 0.1 * torch.randn(384)
    return counts, *student.embedding(meanings, student.frequent(counts, SHAPE.words), SHAPE.width)


def test_frequent_words_have_a_row_and_seldom_ones_that_of_their_likes(
    made: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
) -> None:
    counts, rows, words = made
    assert words.shape == (400, 8)
    assert rows[0] == 0
    assert not words[0].any()
    frequent = rows[counts > 0]
    assert len(frequent.unique()) == len(frequent) == 399
    assert rows[20000] == rows[7], "nearest in meaning"
    assert rows.min() == 0
    assert rows[1:].min() == 1, "only padding has the row of nothing"


def test_what_fills_a_short_text_up_changes_no_answer(made: tuple[torch.Tensor, torch.Tensor, torch.Tensor]) -> None:
    network = student.Student(SHAPE, made[1], made[2]).eval()
    tokens = torch.tensor([[101, 7, 300, 12, 102]])
    padded = torch.cat([tokens, torch.zeros(1, 6, dtype=torch.int64)], 1)
    with torch.inference_mode():
        assert network(padded).tolist() == [pytest.approx(network(tokens)[0].tolist(), abs=1e-6)]
    # It forgets words while it learns, and only then.
    network.dropout.p = 0.0
    torch.manual_seed(0)
    assert not torch.allclose(network.train()(tokens), network(tokens))


def test_spans_are_runs_of_whole_words(tokenizer: Tokenizer) -> None:
    ids = torch.tensor(tokenizer.encode(TEXT).ids)
    words = TEXT.lower().replace(",", " ,").split()
    found = transfer.spans([ids, ids[[0, 1, -1]]], tokenizer, each=30, seed=1)
    assert len(found) == 30, "a text of a word or two is not cut"
    for span in found:
        assert (int(span[0]), int(span[-1])) == (transfer.BEGINNING, transfer.ENDING)
        assert tokenizer.decode(span.tolist()) in {
            " ".join(words[start:end]).replace(" ,", ",") for start in range(5) for end in range(start + 1, 6)
        }
    assert len({tuple(span.tolist()) for span in found}) > 5


def test_answers_alike_have_no_distance() -> None:
    answers = torch.tensor([[2.0, -1.0]])
    assert float(distance(answers, answers + 3, 2.0)) == pytest.approx(0, abs=1e-6)
    assert float(distance(answers, -answers, 2.0)) > 1


def test_texts_of_other_domains_are_named_and_split_by_their_source(tmp_path: Path) -> None:
    datasets.prepare("review_sentiment", CACHE, tmp_path / "elsewhere", part="elsewhere")
    _, rows = datasets.read(tmp_path / "elsewhere")
    assert {elsewhere.domain(example) for example in rows["test"]} == {"amazon", "tweets", "nyt"}
    assert {example.label for example in rows["train"]} == {"positive", "negative", "unclear"}
    train, test = ({elsewhere.group(example) for example in rows[split]} for split in ("train", "test"))
    assert not train & test
    assert datasets.prepared("review_sentiment", tmp_path / "elsewhere", "elsewhere")
    assert not datasets.prepared("review_sentiment", tmp_path / "elsewhere")


def test_the_served_handler_takes_it_for_its_teacher(
    made: tuple[torch.Tensor, torch.Tensor, torch.Tensor], tokenizer: Tokenizer, tmp_path: Path
) -> None:
    """Exported and counted in eight bits, through the handler and the tokenizer that the teacher is served with."""
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    network = student.Student(SHAPE, made[1], made[2]).eval()
    examples = [Example(id="", text=text, label="positive") for text in (TEXT, "Dull.", "A feast of words. " * 40)]
    part = catalogue.part("review_sentiment", "exporting")
    inputs = part.inputs(tmp_path, examples)
    export.export(part, network, inputs, tmp_path / "whole.onnx")
    quantize.static(tmp_path / "whole.onnx", tmp_path / "model.onnx", part.INPUT, [inputs.numpy()])
    assert (tmp_path / "model.onnx").stat().st_size < (tmp_path / "whole.onnx").stat().st_size
    handler = catalogue.part("review_sentiment", "handler").load(tmp_path, threads=1)
    with torch.inference_mode():
        expected = network(inputs).softmax(1).max(1).values
    answered = handler.predict([{"text": example.text} for example in examples])
    assert [found["score"] for found in answered] == pytest.approx(expected.tolist(), abs=0.02)
