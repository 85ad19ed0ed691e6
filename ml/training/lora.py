"""Low-rank adaptation: the pretrained maps stay, beside each a narrow pair of maps is taught, added up when saved.

Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models" (2021). The saved model has the names and shapes of one
that was taught whole, so that export and serving know nothing of it.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from ml.errors import InputError
from ml.training import parallel

KEPT, DOWN, UP = "kept", "down", "up"


class Adapted(nn.Module):
    """A frozen linear map, plus `alpha / rank` times a taught one of low rank, which begins as nothing."""

    def __init__(self, kept: nn.Linear, rank: int, alpha: float) -> None:
        super().__init__()
        self.kept, self._scale = kept, alpha / rank
        self.down = nn.Parameter(kept.weight.new_empty(rank, kept.in_features))
        self.up = nn.Parameter(kept.weight.new_zeros(kept.out_features, rank))
        nn.init.kaiming_uniform_(self.down, a=5**0.5)

    def forward(self, inputs: Tensor) -> Tensor:
        """Map [..., in] to [..., out]."""
        added = functional.linear(functional.linear(inputs, self.down), self.up)
        result: Tensor = self.kept(inputs) + self._scale * added
        return result


def adapt(module: nn.Module, rank: int, alpha: float) -> None:
    """Freeze the network's layers and put narrow maps beside all their linear ones; what is above them stays taught."""
    layers = parallel.layers(module)
    inside = {id(part) for layer in layers for part in layer.modules() if isinstance(part, nn.Linear)}
    if not inside:
        rule = "has no linear map in its layers to adapt"
        raise InputError("recipe field 'lora_rank'", f"lora_rank={rank}", f"is given, but the network {rule}", "set 0")
    _freeze_up_to(module, layers)
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Linear) and id(child) in inside:
                setattr(parent, name, Adapted(child, rank, alpha))


def _freeze_up_to(module: nn.Module, layers: list[nn.Module]) -> None:
    """Freeze the layers and what is below them."""
    last = {id(value) for value in layers[-1].parameters()}
    below = list(module.parameters())
    end = max(number for number, value in enumerate(below) if id(value) in last)
    for value in below[: end + 1]:
        value.requires_grad_(False)


def merged(weights: Mapping[str, Tensor], rank: int, alpha: float) -> dict[str, Tensor]:
    """Return the weights of the network as it was before `adapt`, with what was taught added to them."""
    whole = {
        name.replace(f".{KEPT}.", "."): value
        for name, value in weights.items()
        if not name.endswith((f".{DOWN}", f".{UP}"))
    }
    for name, down in weights.items():
        if name.endswith(f".{DOWN}"):
            map_name = name.removesuffix(f".{DOWN}")
            whole[f"{map_name}.weight"] = torch.addmm(
                whole[f"{map_name}.weight"], weights[f"{map_name}.{UP}"], down, alpha=alpha / rank
            )
    return whole
