"""A linear model on letter counts; dropout makes it depend on the random state as real networks do."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from ml.data.datasets import Example
from ml.data.sharded import Lengths
from ml.models.toy_model.recipes import ToyRecipe
from ml.training.world import World


class Layers(nn.Module):
    """Three numbers → two, through layers that can be sharded one by one."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(3, 16), nn.Sequential(nn.ReLU(), nn.Dropout(dropout)), nn.Linear(16, 2)])

    def forward(self, counts: Tensor) -> Tensor:
        """Return logits, [rows, 2]."""
        for layer in self.layers:
            counts = layer(counts)
        return counts


class Toy:
    """Letter counts → label."""

    def __init__(self, recipe: ToyRecipe, data: Mapping[str, Sequence[Example]], world: World) -> None:
        self.module: nn.Module = Layers(recipe.dropout)
        self._rows = rows = data["train"]
        self._test_counts, self._test_labels = tensors(world.mine(data["test"]))
        self.lengths = Lengths(rows, lambda position: len(rows[position].text))

    def loss(self, module: nn.Module, batch: Sequence[int]) -> Tensor:
        """Mean cross-entropy of a batch."""
        counts, labels = tensors([self._rows[position] for position in batch])
        return functional.cross_entropy(module(counts), labels)

    def right_answers(self) -> tuple[int, int]:
        """Count the held-out words answered rightly."""
        return int((self.module(self._test_counts).argmax(1) == self._test_labels).sum()), len(self._test_labels)

    def save(self, folder: Path, weights: Mapping[str, Tensor]) -> None:
        """Write the weights."""
        save_file(dict(weights), folder / "weights.safetensors")


def tensors(rows: Sequence[Example]) -> tuple[Tensor, Tensor]:
    """Return the letter counts and the labels of rows."""
    counts = torch.tensor([[float(row.text.count(letter)) for letter in "abc"] for row in rows])
    return counts, torch.tensor([int(row.label == "b") for row in rows])


build = Toy
