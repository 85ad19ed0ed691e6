"""Which from-scratch figure a run is read beside, and that the network from nothing is the same network."""

from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import load_file

from ml.contract import Place
from ml.data import datasets
from ml.models.review_sentiment import exporting, model
from ml.models.review_sentiment.recipes import RECIPES
from ml.models.review_sentiment.task import FineTuning
from ml.models.review_writer.recipes import RECIPES as WRITER
from ml.training import from_scratch
from ml.training.world import join


def manifest(data: str, most_examples: int) -> dict[str, object]:
    recipe = {"name": "scratch", "most_examples": most_examples}
    return {"job": "a-job", "git": "1234", "recipe": recipe, "data": {"version": data}}


def test_a_run_is_read_beside_the_recorded_one_on_the_same_rows(tmp_path: Path) -> None:
    for data, most, accuracy in (("old", 0, 0.6), ("new", 0, 0.7), ("new", 320, 0.5), ("new", 0, 0.71)):
        from_scratch.record(tmp_path, manifest(data, most), {"accuracy": accuracy, "steps": 9})
    found = from_scratch.rival(tmp_path, RECIPES["laptop"], "new", 0.8)
    assert found["accuracy"] == 0.71
    assert found["of"] == "a recorded run of recipe 'scratch', 9 steps on the same rows"
    assert from_scratch.rival(tmp_path, replace(RECIPES["debug"], most_examples=320), "new", 0.8)["accuracy"] == 0.5


def test_without_a_recorded_run_the_report_says_how_to_get_one(tmp_path: Path) -> None:
    found = from_scratch.rival(tmp_path, RECIPES["debug"], "new", 0.8)
    assert found["accuracy"] is None
    assert "none is recorded for data new and most_examples=320" in found["of"]
    assert "train by recipe 'scratch', then groundplan runs record" in found["of"]


def test_a_run_from_nothing_is_its_own_rival(tmp_path: Path) -> None:
    assert from_scratch.rival(tmp_path, WRITER["debug"], "new", 0.4)["accuracy"] == 0.4
    assert from_scratch.rival(tmp_path, RECIPES["scratch"], "new", 0.7)["accuracy"] == 0.7


def test_from_nothing_everything_learns_and_what_is_saved_is_served_alike(reviews: Path, tmp_path: Path) -> None:
    recipe = replace(RECIPES["scratch"], dropout=0.0, most_tokens=16)
    rows = {name: examples[:8] for name, examples in datasets.read(reviews)[1].items()}
    torch.manual_seed(1)
    with join(Place()) as world:
        task = FineTuning(recipe, rows, world)
        loss = task.loss(task.module, range(8))
        loss.backward()
        task.save(tmp_path, task.module.state_dict())
    assert all(value.grad is not None for value in task.module.parameters())
    assert torch.equal(
        load_file(tmp_path / "weights.safetensors")["body.embedding.words.weight"],
        task.module.state_dict()["body.embedding.words.weight"],
    )
    loaded = exporting.load(tmp_path)
    assert isinstance(loaded, model.Classifier)
    assert exporting.inputs(tmp_path, rows["test"]).shape[1] <= 16
