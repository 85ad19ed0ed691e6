"""The exported model answers as the trained one did, every step is measured, and one that may not be served is not."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ml.data import datasets
from ml.errors import GateError, InputError, ParityError
from ml.models import catalogue
from ml.optimization import gates
from ml.optimization.export import Parity, parity
from ml.optimization.measure import Measured, Timing, timed
from ml.optimization.recipe import Course, Distil, Export, Gates, Optimization, Prune, Quantize
from tests.ml.jobs import Finished, Job, optimizing

pytestmark = pytest.mark.xdist_group("ml")

COURSE = Course(epochs=1)
DISTIL, PRUNE = Distil(student=None, course=COURSE), Prune(share=0.5, course=COURSE)


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
    report, before = optimized.report(), trained[0].report()
    assert report.items() >= before.items(), "not one answer changed"
    proof = Parity(**report["parity"])
    assert (proof.samples, proof.unit, proof.label_agreement) == (320, "logits", 1.0)
    assert 0 < proof.max_abs_diff <= proof.tolerance == 1e-4
    assert [row["step"] for row in report["measured"]] == ["trained", "export"]
    assert json.loads((folder / "signature.json").read_text())["labels"] == ["negative", "positive"]


def test_the_handler_answers_as_the_trained_network(
    optimized: Job, trained: tuple[Job, Finished], reviews: Path
) -> None:
    """From text to label, tokenizer and padding included."""
    import torch

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


def test_every_step_is_taken_measured_and_proven(toy: Job, toy_model: Path, toy_data: Path) -> None:
    job = optimizing(toy, toy_model, toy_data, "small")
    said = job.run("optimize").well().said
    report = job.report()
    rows = report["measured"]
    assert isinstance(rows, list)
    assert [row["step"] for row in rows] == ["trained", "distil", "prune", "export", "quantize"]
    assert all(f"measured {row['step']}: accuracy=" in said for row in rows)
    distilled, pruned, exported, quantized = rows[1:]
    assert pruned["bytes"] < distilled["bytes"], "whole channels are gone"
    assert quantized["memory_bytes"] < pruned["memory_bytes"], "a process without torch"
    assert exported["accuracy"] == pruned["accuracy"], "the same but for rounding"
    assert list(rows[0]["slices"]) == ["domain", "length"]
    assert all(0 < timing["p50_ms"] <= timing["p99_ms"] for row in rows for timing in row["timings"])
    assert [proof["unit"] for proof in report["parities"]] == ["logits", "likelihoods"]
    lost = report["trained_accuracy"] - report["accuracy"]
    assert lost == pytest.approx(rows[0]["accuracy"] - quantized["accuracy"])
    assert {path.name for path in (job.base / "model").iterdir()} >= {"model.onnx", "card.json", "signature.json"}


def test_a_gate_stops_the_pipeline_with_its_number_and_leaves_nothing(
    toy: Job, toy_model: Path, toy_data: Path
) -> None:
    job = optimizing(toy, toy_model, toy_data, "impossible")
    finished = job.run("optimize")
    assert finished.code == 1, finished.said
    assert "step=2" not in finished.said, "the first step that is refused is the last"
    assert "is below 1.01; accuracy" in job.failure
    assert "after step 'distil'" in job.failure
    assert not (job.base / "model").exists()


def row(**changes: object) -> Measured:
    timing = Timing(batch=1, p50_ms=0.05, p99_ms=0.1, examples_per_second=20000, calls=100)
    slices = {"domain": {"movies": 0.8, "tweets": 0.7}, "length": {"up to 12 words": 0.65}}
    values = {"bytes": 900, "memory_bytes": 1, "timings": (timing,), "accuracy": 0.75, "slices": slices}
    return Measured(**{"step": "distil", **values, **changes})


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (Gates(least_accuracy=0.76), "accuracy 0.7500 is below 0.76"),
        (Gates(most_points_lost=1.0), "it lost 2.00 points of accuracy, more than 1"),
        (Gates(least_slice_accuracy=0.7), "accuracy 0.6500 in slice 'up to 12 words' is below 0.7"),
        (Gates(most_milliseconds=0.04), "0.0500 ms for one example are more than 0.04"),
        (Gates(most_bytes=899), "900 bytes are more than 899"),
    ],
)
def test_each_gate_refuses_with_its_number(asked: Gates, told: str) -> None:
    trained = row(accuracy=0.77)
    with pytest.raises(GateError, match=told) as caught:
        gates.check(asked, trained, row(), last=True)
    assert caught.value.exit_code == 1
    gates.check(Gates(), trained, row(), last=True)


def test_what_is_not_the_last_step_may_still_be_slow_and_large_but_not_wrong() -> None:
    gates.check(Gates(most_bytes=1, most_milliseconds=0.001), row(), row(), last=False)
    with pytest.raises(GateError, match="nan"):
        gates.check(Gates(most_points_lost=5.0), row(), row(accuracy=float("nan")), last=False)


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        ((), "none are not in their order"),
        ((DISTIL,), "or are not exported once"),
        ((Export(), DISTIL), "Export, Distil are not in their order"),
        ((Export(), Export()), "or are not exported once"),
        ((PRUNE, Export()), "has nothing to teach what is left"),
    ],
)
def test_steps_that_make_no_sense_are_refused(steps: tuple[Export | Distil | Prune | Quantize, ...], told: str) -> None:
    with pytest.raises(InputError, match=told):
        Optimization(steps=steps)
    with pytest.raises(InputError, match="is no number from 0 on"):
        Gates(most_points_lost=float("nan"))
    assert replace(Optimization(steps=(Export(),)), elsewhere=True).elsewhere


def test_answers_that_moved_too_far_are_refused() -> None:
    before = np.array([[2.0, 1.0], [0.0, 3.0]], np.float32)
    assert parity(before, before + 1e-5, 1e-4).label_agreement == 1.0
    for wrong in (before + 0.01, before * np.nan):
        with pytest.raises(ParityError, match=r"is further than 0\.0001"):
            parity(before, wrong, 1e-4)
    # Both logits moved alike: not by what they mean.
    assert parity(before, before + 5, 0.01, likelihoods=True).max_abs_diff == pytest.approx(0, abs=1e-6)
    with pytest.raises(ParityError, match="likelihoods"):
        parity(before, before[:, ::-1], 0.1, likelihoods=True)


def test_time_is_taken_of_enough_calls() -> None:
    asked: list[object] = []
    taken = timed(asked.append, ["one", "two", "three"], seconds=0.0)  # type: ignore[list-item]
    assert asked[:2] == ["one", "two"], "not counted"
    assert asked[2:] == (["one", "two", "three"] * 9)[: len(taken)]
