"""The exported model answers as the trained one did, and one that does not is refused."""

import json
from pathlib import Path

import pytest
import torch

from ml.data import datasets
from ml.errors import ParityError
from ml.models import catalogue
from ml.optimization import export
from tests.ml.jobs import Finished, Job

pytestmark = pytest.mark.xdist_group("ml")


def test_the_job_leaves_the_content_of_a_bundle(optimized: Job, trained: tuple[Job, Finished]) -> None:
    folder = optimized.base / "model"
    expected = {
        "model.onnx",
        "tokenizer.json",
        "signature.json",
        "card.json",
        "report.json",
        "run.json",
        "evaluation.json",
    }
    assert {path.name for path in folder.iterdir()} == expected
    report = optimized.report()
    assert report.items() >= trained[0].report().items()
    assert report["parity"]["samples"] == 256
    assert report["parity"]["label_agreement"] == 1.0
    assert 0 < report["parity"]["max_abs_diff"] <= report["parity"]["tolerance"] == 1e-4
    assert report["onnx_p50_ms"] > 0
    assert json.loads((folder / "signature.json").read_text())["labels"] == ["negative", "positive"]


def test_a_model_that_answers_otherwise_is_refused(
    optimized: Job, trained: tuple[Job, Finished], reviews: Path
) -> None:
    part, folder = catalogue.part("review_sentiment", "exporting"), trained[0].base / "model"
    _, data = datasets.read(reviews)
    network = part.load(folder)
    with torch.no_grad():
        network.head.classifier.bias[0] += 0.001
    with pytest.raises(ParityError, match="is further than"):
        export.parity(part, network, folder, data["test"][:64], optimized.base / "model")


def test_the_handler_answers_as_the_trained_network(
    optimized: Job, trained: tuple[Job, Finished], reviews: Path
) -> None:
    """From text to label, tokenizer and padding included."""
    part, folder = catalogue.part("review_sentiment", "exporting"), trained[0].base / "model"
    handler = catalogue.part("review_sentiment", "handler").load(optimized.base / "model", threads=1)
    examples = datasets.read(reviews)[1]["test"][:40]
    with torch.inference_mode():
        likelihoods = part.load(folder)(part.inputs(folder, examples)).softmax(1)
    predictions = handler.predict([{"text": example.text} for example in examples])
    alone = [handler.predict([{"text": example.text}])[0] for example in examples]
    for together, single, expected in zip(predictions, alone, likelihoods, strict=True):
        assert together["label"] == single["label"] == ("positive" if expected[1] > expected[0] else "negative")
        assert together["score"] == pytest.approx(float(expected.max()), abs=1e-4)
        assert single["score"] == pytest.approx(together["score"], abs=1e-4)


def test_a_channel_without_a_trained_model_is_named(optimized: Job, reviews: Path, tmp_path: Path) -> None:
    job = Job(base=tmp_path).configure({}, reviews)
    finished = job.run("optimize")
    assert finished.code == 2
    assert "model.tar.gz cannot be unpacked" in (job.base / "output" / "failure").read_text()
