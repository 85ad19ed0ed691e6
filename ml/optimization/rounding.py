"""Quantization-aware teaching: while a network learns, it counts as the static eight bits will make it count.

By torch's own rounding operations, through which gradients pass as if nothing were rounded (Jacob et al., 2018): what
once drove this in torch, `torch.ao.quantization`, is deprecated, and torchao rounds linear layers alone.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

LEAST_SCALE = 1e-8
# How fast a range follows what flows through, as far as one step of teaching goes.
FOLLOWING = 0.05
# What quantize.py makes of these: weights signed and by channel, what flows in and out unsigned and by one scale.
KINDS = (nn.Conv1d, nn.Conv2d, nn.Linear, nn.Embedding)


class RoundedWeight(nn.Module):
    """Weights in 255 steps, [channels, …]: of an embedding by one scale, for one lookup table has one."""

    def __init__(self, *, by_channel: bool) -> None:
        super().__init__()
        self._by_channel = by_channel

    def forward(self, weight: Tensor) -> Tensor:
        """Return the weights as they will be kept."""
        if not self._by_channel:
            scale = weight.detach().abs().max().clamp_min(LEAST_SCALE) / 127
            return torch.fake_quantize_per_tensor_affine(weight, float(scale), 0, -127, 127)
        scales = weight.detach().flatten(1).abs().amax(1).clamp_min(LEAST_SCALE) / 127
        zeros = torch.zeros_like(scales, dtype=torch.int32)
        return torch.fake_quantize_per_channel_affine(weight, scales, zeros, 0, -127, 127)


class RoundedFlow:
    """What flows into a layer or out of it in 256 steps, over a range that follows what was seen."""

    def __init__(self) -> None:
        self._range: Tensor | None = None

    def into(self, _layer: nn.Module, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Return the layer's inputs as they will be counted."""
        flowing, *others = given
        return self._rounded(flowing), *others

    def out_of(self, _layer: nn.Module, _given: tuple[Tensor, ...], flowing: Tensor) -> Tensor:
        """Return the layer's output as it will be counted."""
        return self._rounded(flowing)

    def _rounded(self, flowing: Tensor) -> Tensor:
        seen = torch.stack([flowing.detach().amin().clamp_max(0), flowing.detach().amax().clamp_min(0)])
        self._range = seen if self._range is None else torch.lerp(self._range, seen, FOLLOWING)
        least, most = self._range.tolist()
        scale = max(most - least, LEAST_SCALE) / 255
        zero = min(255, max(0, round(-least / scale)))
        return torch.fake_quantize_per_tensor_affine(flowing, scale, zero, 0, 255)


@contextmanager
def rounding(network: nn.Module) -> Iterator[None]:
    """Let all of the network's layers but the last count in eight bits; its weights are left as they were rounded.

    The last gives the answers, and stays as it is, as in quantize.py.
    """
    layers = [layer for layer in network.modules() if isinstance(layer, KINDS)]
    last = [layer for layer in layers if isinstance(layer, nn.Linear)][-1:]
    with ExitStack() as stack:
        for layer in layers:
            if layer in last:
                continue
            is_table = isinstance(layer, nn.Embedding)
            parametrize.register_parametrization(layer, "weight", RoundedWeight(by_channel=not is_table))
            stack.callback(parametrize.remove_parametrizations, layer, "weight")
            if not is_table:
                stack.callback(layer.register_forward_pre_hook(RoundedFlow().into).remove)
                stack.callback(layer.register_forward_hook(RoundedFlow().out_of).remove)
        yield
