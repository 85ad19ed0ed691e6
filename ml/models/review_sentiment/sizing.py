"""The layers that are taught, and made-up texts of the greatest length, to measure a recipe by."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ml.data.datasets import Example
from ml.models.review_sentiment import model
from ml.models.review_sentiment.card import CARD
from ml.models.review_sentiment.recipes import TextRecipe
from ml.training.sizing import Sample


def sample(recipe: TextRecipe, examples: int) -> Sample:
    """Return as many texts as `module` is fed with them: what frozen layers leave, or from nothing their tokens."""
    labels, targets = len(CARD.signature.labels), torch.zeros(examples, dtype=torch.int64)
    tokens = torch.ones(examples, recipe.most_tokens, dtype=torch.int64)
    network: nn.Module = model.Classifier(recipe.taught_layers, labels, recipe.dropout)
    inputs: tuple[Tensor, ...] = (tokens,)
    if recipe.pretrained:
        network = model.Head(recipe.taught_layers, labels, recipe.dropout)
        inputs = (torch.zeros(examples, recipe.most_tokens, model.WIDTH), tokens != model.PADDING)
    return Sample(module=network, inputs=inputs, targets=targets, tokens=recipe.most_tokens)


def count(_recipe: TextRecipe, data: Sequence[Example]) -> int:
    """Return how many texts a data set gives: all."""
    return len(data)
