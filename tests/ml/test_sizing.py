"""What a recipe is said to take, against what torch takes: its allocator's peak, its saved tensors, known formulas."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.nn import functional
from torch.profiler import profile

from ml.errors import InputError
from ml.models import catalogue
from ml.models.review_writer.recipes import RECIPES
from ml.models.review_writer.sizing import sample
from ml.training import sizing
from ml.training.recipe import Recipe

SMALL = RECIPES["debug"]
WIDE = replace(SMALL, width=192, layers=3, context=32, batch_size=8, accumulate=2)


def allocated(recipe: Recipe, parts: int, folder: Path, *, bfloat16: bool) -> int:
    """Take two steps as the loop does, from nothing; return the most bytes that torch held at a time."""
    with profile(profile_memory=True) as profiled:
        made = sample(recipe, recipe.batch_size // parts)
        optimizer = torch.optim.AdamW(made.module.parameters(), fused=True)
        for _ in range(2):
            for _ in range(parts):
                with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
                    logits = made.module(*made.inputs)
                functional.cross_entropy(logits.float().flatten(0, -2), made.targets.flatten()).backward()
                del logits
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
    profiled.export_chrome_trace(str(folder / "trace.json"))
    events = [
        one for one in json.loads((folder / "trace.json").read_text())["traceEvents"] if one["name"] == "[memory]"
    ]
    held = peak = 0
    for event in sorted(events, key=lambda one: one["ts"]):
        held += event["args"]["Bytes"]
        peak = max(peak, held)
    return peak


@pytest.mark.parametrize("bfloat16", [False, True])
def test_memory_is_what_torch_allocates_to_five_percent(bfloat16: bool, tmp_path: Path) -> None:
    said = sizing.memory(sizing.measure("review_writer", WIDE, bfloat16=bfloat16), WIDE, processes=1).total
    assert said < allocated(WIDE, WIDE.accumulate, tmp_path, bfloat16=bfloat16) < 1.05 * said


def test_made_up_tensors_keep_what_real_ones_keep() -> None:
    size = sizing.measure("review_writer", SMALL, bfloat16=True)
    flops, kept = sizing.step(sample(SMALL, 5), bfloat16=True)
    assert kept == size.kept_bytes + 5 * size.kept_bytes_per_example
    assert flops == 5 * size.flops_per_example


def test_arithmetic_is_six_times_weights_and_tokens_and_what_attention_adds() -> None:
    recipe = replace(SMALL, width=256, layers=3)
    size = sizing.measure("review_writer", recipe, bfloat16=False)
    # Kaplan et al. (2020), table 1, both ways; torch counts the recomputed part of attention's way back too.
    attention = 14 * recipe.layers * recipe.context * recipe.width
    assert size.flops_per_example / recipe.context == pytest.approx(6 * size.weights + attention, rel=0.02)
    assert size.weights == sum(value.numel() for value in sample(recipe, 1).module.parameters())


def test_shards_shrink_what_is_kept_and_grow_what_is_sent() -> None:
    size = sizing.measure("review_writer", SMALL, bfloat16=False)
    copies, shards = SMALL, replace(SMALL, parallel="fsdp")
    whole, cut = sizing.memory(size, copies, 4), sizing.memory(size, shards, 4)
    assert whole.optimizer == 8 * size.weights
    assert cut.optimizer == 2 * size.weights
    assert cut.weights == size.weights + 2 * 4 * size.largest_layer
    assert whole.activations == cut.activations
    # While parts of a step add up, nothing is exchanged, so gradients stay whole.
    assert sizing.memory(size, replace(shards, accumulate=3), 4).gradients == 5 * size.weights
    assert sizing.exchanged_bytes(size, copies, 1) == 0
    assert sizing.exchanged_bytes(size, copies, 4) == 6 * size.weights
    assert sizing.exchanged_bytes(size, shards, 4) == 9 * size.weights


def test_every_model_says_how_many_examples_its_data_gives() -> None:
    from ml.data.datasets import Example
    from ml.models.review_writer.task import windows

    texts = [Example(id=str(number), text="é" * number, label="movies") for number in range(200)]
    assert catalogue.part("review_writer", "sizing").count(SMALL, texts) == len(windows(texts, SMALL.context))
    sentiment = catalogue.recipe("review_sentiment", "debug")
    assert catalogue.part("review_sentiment", "sizing").count(sentiment, texts) == 200
    assert sizing.measure("review_sentiment", sentiment, bfloat16=True).tokens_per_example == 32


def test_a_model_that_cannot_be_measured_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from ml import models
    from tests.ml.jobs import ROOT

    monkeypatch.setattr(models, "__path__", [*models.__path__, str(ROOT / "tests" / "ml")])
    with pytest.raises(InputError, match=r"'toy_model' has no sizing.py, .*; write one"):
        sizing.measure("toy_model", catalogue.recipe("toy_model", "only"), bfloat16=False)


def test_narrow_maps_need_hardly_any_gradients_or_moments() -> None:
    whole = catalogue.recipe("review_sentiment", "laptop")
    narrow = replace(whole, lora_rank=4)
    sizes = [sizing.measure("review_sentiment", recipe, bfloat16=True) for recipe in (whole, narrow)]
    # Rank × (in + out) of each of a layer's six maps, in two layers, and the classifier.
    assert sizes[1].taught == 2 * 4 * (4 * 2 * 384 + 2 * (384 + 1536)) + 2 * 384 + 2
    assert sizes[1].flops_per_example < 0.8 * sizes[0].flops_per_example
    held = [sizing.memory(size, recipe, 1) for size, recipe in zip(sizes, (whole, narrow), strict=True)]
    assert held[1].optimizer < held[0].optimizer / 50
