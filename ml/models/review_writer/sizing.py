"""The network and made-up windows of text, to measure a recipe by."""

from collections.abc import Sequence

import torch

from ml.data.datasets import Example
from ml.models.review_writer.model import Writer
from ml.models.review_writer.recipes import LanguageRecipe
from ml.training.sizing import Sample


def sample(recipe: LanguageRecipe, examples: int) -> Sample:
    """Return as many windows."""
    rows = torch.zeros(examples, recipe.context, dtype=torch.int64)
    return Sample(
        module=Writer(**recipe.shape, dropout=recipe.dropout), inputs=(rows,), targets=rows, tokens=recipe.context
    )


def count(recipe: LanguageRecipe, data: Sequence[Example]) -> int:
    """Return how many windows a data set gives."""
    return max(0, sum(len(row.text.encode()) + 1 for row in data) - 2) // recipe.context
