"""Which of torch's attention kernels trains a batch.

On a CPU in bfloat16 the fused one's way back takes whole blocks of tokens: 24 ms for 12 tokens and 23 for 28, where
plain products take 2 and 4. At 64 tokens the shape decides, at 256 the fused one is the quicker in all that were
measured: docs/decisions/attention-by-length.md.
"""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from ml.training.world import has_fast_bfloat16

FUSED_FROM = 64


def kernel(device: torch.device, longest: int) -> AbstractContextManager[None]:
    """Return a context for a batch whose longest example has so many tokens, forth and back."""
    if device.type == "cpu" and has_fast_bfloat16(device) and longest < FUSED_FROM:
        return sdpa_kernel(SDPBackend.MATH)
    return nullcontext()
