"""The layers that are taught and made-up texts of the greatest length, to measure a recipe by."""

from collections.abc import Sequence

import torch

from ml.data.datasets import Example
from ml.models.review_sentiment import model
from ml.models.review_sentiment.card import CARD
from ml.models.review_sentiment.recipes import TextRecipe
from ml.training.sizing import Sample


def sample(recipe: TextRecipe, examples: int) -> Sample:
    """Return as many texts as the frozen layers leave them."""
    head = model.Head(recipe.taught_layers, len(CARD.signature.labels), recipe.dropout)
    mask = torch.ones(examples, recipe.most_tokens, dtype=torch.bool)
    hidden = torch.zeros(examples, recipe.most_tokens, model.WIDTH)
    return Sample(
        module=head, inputs=(hidden, mask), targets=torch.zeros(examples, dtype=torch.int64), tokens=recipe.most_tokens
    )


def count(_recipe: TextRecipe, data: Sequence[Example]) -> int:
    """Return how many texts a data set gives: all."""
    return len(data)
