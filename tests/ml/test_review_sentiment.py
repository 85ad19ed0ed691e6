"""The network: what it makes of the pretrained weights, of padding, and of machines with and without fast bfloat16."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from ml.contract import Place
from ml.data import datasets
from ml.errors import InputError
from ml.models.review_sentiment import model
from ml.models.review_sentiment.recipes import RECIPES
from ml.models.review_sentiment.task import FineTuning
from ml.training.world import join

# [CLS] a feast of words [SEP]; the mean over its tokens begins so in the reference implementation (BertModel of
# transformers 5.23, on the same weights), which agrees with ours to 2e-6 on every number.
TOKENS = torch.tensor([[101, 1037, 9831, 1997, 2616, 102]])
REFERENCE = [-0.0257379, 0.4525045, 0.0798339, 0.3530842]


def hidden(tokens: Tensor, taught_layers: int = 2) -> Tensor:
    network = model.pretrained(taught_layers, labels=2, dropout=0.0).eval()
    mask = tokens != model.PADDING
    with torch.inference_mode():
        states = network.body(tokens, mask)
        for layer in network.head.layers:
            states = layer(states, mask)
    return states


@pytest.mark.parametrize("change", ["taught_layers=7", "most_tokens=513", "dropout=1.5"])
def test_a_recipe_cannot_ask_for_more_than_the_network_has(change: str) -> None:
    name, value = change.split("=")
    with pytest.raises(InputError, match=rf"{name}={value} is not from \d+ to \d+"):
        RECIPES["debug"].changed({name: value})


@pytest.mark.parametrize("taught_layers", [0, 2, 6])
def test_the_pretrained_network_is_what_its_authors_made(taught_layers: int) -> None:
    assert hidden(TOKENS, taught_layers).mean(1)[0, :4].tolist() == pytest.approx(REFERENCE, abs=1e-5)


def test_padding_changes_nothing() -> None:
    padded = torch.cat([TOKENS, torch.zeros(1, 5, dtype=torch.int64)], dim=1)
    network = model.pretrained(2, labels=2, dropout=0.0).eval()
    with torch.inference_mode():
        assert torch.allclose(network(padded), network(TOKENS), atol=1e-5)


def test_a_machine_without_fast_bfloat16_trains_as_well(reviews: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = replace(RECIPES["debug"], dropout=0.0)
    rows = {name: examples[:16] for name, examples in datasets.read(reviews)[1].items()}
    losses = {}
    for fast in (False, True):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda fast=fast: {"avx512_bf16": fast})
        torch.manual_seed(1)
        with join(Place()) as world:
            task = FineTuning(recipe, rows, world)
            losses[fast] = float(task.loss(task.module, range(16)).detach())
    assert losses[True] == pytest.approx(losses[False], rel=0.02)
