"""A wider toy of fewer layers, to be distilled and pruned."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from ml.data.datasets import Example
from ml.models.toy_model.task import tensors
from ml.optimization.distil import Lesson


def prepare(width: int, teacher: nn.Module, _trained: Path, texts: Sequence[str], seed: int) -> Lesson:
    """Return the student and what the teacher says to the texts."""
    torch.manual_seed(seed)
    counts, _ = tensors([Example(id="", text=text, label="a") for text in texts])
    with torch.inference_mode():
        answers = teacher(counts)
    student = nn.Sequential(nn.Linear(3, width), nn.ReLU(), nn.Linear(width, 2))
    return Lesson(student=student, inputs=list(counts), answers=answers.clone())
