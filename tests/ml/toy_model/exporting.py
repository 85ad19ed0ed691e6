"""The trained toy as the optimization job sees it."""

from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from ml.data.datasets import Example
from ml.models.toy_model.task import Layers, tensors

INPUT, OUTPUT = "counts", "logits"
OPEN_SHAPE = {0: torch.export.Dim("batch")}
KEPT_FILES = ()


def load(folder: Path) -> nn.Module:
    """Rebuild the network that a training job saved."""
    network = Layers(0.0)
    network.load_state_dict(load_file(folder / "weights.safetensors"))
    return network.eval()


def inputs(_folder: Path, examples: Sequence[Example]) -> Tensor:
    """Return letter counts, [examples, 3]."""
    return tensors(examples)[0]


def targets(_folder: Path, examples: Sequence[Example]) -> list[int]:
    """Return the number of each example's label."""
    return tensors(examples)[1].tolist()
