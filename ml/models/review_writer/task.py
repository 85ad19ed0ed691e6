"""The model as the training loop sees it: windows of one long text, each predicting its own next bytes."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from ml.data.datasets import Example, Rows
from ml.data.sharded import Lengths
from ml.models.review_writer.model import BYTES, Writer
from ml.models.review_writer.recipes import LanguageRecipe
from ml.training.world import World

JUDGED_TOGETHER = 64


class Writing:
    """Teaches the network to go on with a text."""

    def __init__(self, recipe: LanguageRecipe, data: Mapping[str, Sequence[Example]], world: World) -> None:
        self._world = world
        self._shape = recipe.shape
        self.module: nn.Module = Writer(**self._shape, dropout=recipe.dropout).to(world.device)
        self._windows = sharded_windows(data["train"], recipe.context)
        self._test_windows = windows(data["test"], recipe.context)[world.rank :: world.size].to(world.device)
        self.lengths: Sequence[int] = Lengths(self._windows, lambda _: recipe.context)

    def _logits(self, module: nn.Module, rows: Tensor) -> Tensor:
        with self._world.fast_arithmetic():
            logits: Tensor = module(rows[:, :-1].long())
        return logits.float()

    def loss(self, module: nn.Module, batch: Sequence[int]) -> Tensor:
        """Return the mean cross-entropy of each next byte, in nats."""
        rows = torch.stack([self._windows[position] for position in batch]).to(self._world.device)
        return functional.cross_entropy(self._logits(module, rows).view(-1, BYTES), rows[:, 1:].long().flatten())

    def right_answers(self) -> tuple[int, int]:
        """Count the held-out bytes whose likeliest guess is the true one."""
        right = 0
        for start in range(0, len(self._test_windows), JUDGED_TOGETHER):
            rows = self._test_windows[start : start + JUDGED_TOGETHER]
            right += int((self._logits(self.module, rows).argmax(-1) == rows[:, 1:]).sum())
        return right, self._test_windows[:, 1:].numel()

    def save(self, folder: Path, weights: Mapping[str, Tensor]) -> None:
        """Write the weights and the shape that they belong to."""
        save_file({name: value.contiguous() for name, value in weights.items()}, folder / "weights.safetensors")
        (folder / "shape.json").write_text(json.dumps(self._shape) + "\n")


def windows(examples: Sequence[Example], context: int) -> Tensor:
    """Return the texts, a line each, cut into rows of `context` bytes and the one that follows, [rows, context + 1]."""
    text = torch.frombuffer(bytearray("\n".join(row.text for row in examples).encode()), dtype=torch.uint8)
    if len(text) <= context:
        return text.new_empty((0, context + 1))
    return text.unfold(0, context + 1, context)


def sharded_windows(rows: Sequence[Example], context: int) -> Sequence[Tensor]:
    """Return each window's bytes, [context + 1]; of a data set in shards each is cut for itself, when it is needed."""
    if not isinstance(rows, Rows):
        return list(windows(rows, context))
    sizes = [(facts.text_bytes + facts.rows - 2) // context for facts in rows.facts]
    return rows.recut(sizes, lambda shard: list(windows(shard, context)))


build = Writing
