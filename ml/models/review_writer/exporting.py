"""The trained network as the optimization job sees it."""

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from ml.data.datasets import Example
from ml.models.review_writer.model import LastByte, Writer
from ml.models.review_writer.prompts import END, rows

INPUT, OUTPUT = "text", "logits"
# What of the input's shape is left open, [batch, length]; a trained network says how long it may be.
OPEN_SHAPE = {0: torch.export.Dim.AUTO, 1: torch.export.Dim.AUTO}
# Files of the trained model that travel with the exported one.
KEPT_FILES = ("shape.json",)


def load(folder: Path) -> nn.Module:
    """Rebuild the network that a training job saved."""
    writer = Writer(**json.loads((folder / "shape.json").read_text()))
    writer.load_state_dict(load_file(folder / "weights.safetensors"))
    return LastByte(writer).eval()


def inputs(folder: Path, examples: Sequence[Example]) -> Tensor:
    """Return the beginnings of some examples, [examples, bytes]."""
    context = _context(folder)
    return torch.from_numpy(rows([example.text.encode()[: context // 2] for example in examples], context))


def targets(folder: Path, examples: Sequence[Example]) -> list[int]:
    """Return the byte that follows each of these beginnings."""
    place = _context(folder) // 2
    return [(example.text.encode()[place : place + 1] or END)[0] for example in examples]


def _context(folder: Path) -> int:
    return int(json.loads((folder / "shape.json").read_text())["context"])
