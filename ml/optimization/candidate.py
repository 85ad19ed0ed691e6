"""What each step hands to the next: something that answers, in torch or as a file."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ml.serving.session import CPU, open_session

Logits = np.ndarray[tuple[int, int], np.dtype[np.float32]]
Answer = Callable[[Tensor], Logits]


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A network, and once it is exported the file that it has become; `input_name` is what the file calls its input.

    `providers` of ONNX Runtime open the file.
    """

    network: nn.Module
    input_name: str
    file: Path | None = None
    providers: Sequence[str] = CPU

    @property
    def bytes(self) -> int:
        """Return the size of its file, or of its weights."""
        if self.file:
            return self.file.stat().st_size
        state = self.network.state_dict().values()
        return sum(weights.numel() * weights.element_size() for weights in state)

    @contextlib.contextmanager
    def opened(self, threads: int) -> Iterator[Answer]:
        """Yield a function from inputs to logits, which works with so many threads."""
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        try:
            if self.file:
                session = open_session(self.file, threads, self.providers)
                yield lambda inputs: session.run(None, {self.input_name: inputs.numpy()})[0]
                return
            with torch.inference_mode():
                yield lambda inputs: self.network(inputs).numpy()
        finally:
            torch.set_num_threads(before)
