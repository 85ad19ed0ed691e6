"""What a model's folder hands the training loop."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from torch import Tensor, nn


class Task(Protocol):
    """A network, the examples, and how the one is judged by the other. Every process builds the same."""

    module: nn.Module
    """What is trained; may be a part of what `save` writes."""

    lengths: Sequence[int]
    """How much work each example is, by its tokens say; those of like length are put into one batch."""

    def loss(self, module: nn.Module, batch: Sequence[int]) -> Tensor:
        """Return the mean loss over the examples of these positions; `module` is `self.module` as the run wraps it."""
        ...

    def right_answers(self) -> tuple[int, int]:
        """Return how many of this process's share of held-out examples are answered rightly, and how many there are."""
        ...

    def save(self, folder: Path, weights: Mapping[str, Tensor]) -> None:
        """Write the whole trained model to `folder`, safetensors and whatever its handler needs.

        `weights` are those of `module`, gathered from all processes.
        """
        ...
