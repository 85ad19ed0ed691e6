"""What a pretrained network is taught and how fast: top layers first, lower ones later, slower, or not at all.

Howard and Ruder, "Universal Language Model Fine-tuning for Text Classification" (2018): gradual unfreezing and
discriminative rates. Which layers there are, and which stand above others, is the order in which the network defines
them: what comes before its lists of layers is below them, what comes after is above.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule
from torch.optim import Optimizer

from ml.training import parallel
from ml.training.recipe import Recipe


def depths(module: nn.Module) -> dict[str, int]:
    """Return how many layers stand above each weight that may be taught, by its name; 0 for the topmost."""
    layers = parallel.layers(module)
    of_layer = {id(value): number for number, layer in enumerate(layers, 1) for value in layer.parameters()}
    heights, reached = dict[str, int](), 0
    for name, value in module.named_parameters():
        reached = of_layer.get(id(value), len(layers) + 1 if reached else 0)
        heights[name] = reached
    taught = {name for name, value in module.named_parameters() if value.requires_grad}
    top = max(heights[name] for name in taught)
    return {name: top - height for name, height in heights.items() if name in taught}


class Teaching:
    """Which weights of `module` learn at a step, and at which share of the recipe's rate.

    `module` is the task's, already sharded where it will be.
    """

    def __init__(self, module: nn.Module, recipe: Recipe, steps: int) -> None:
        self._module, self._depths = module, depths(module)
        # Shards keep their gradients whatever is frozen; those are dropped before they are used.
        self._sharded = isinstance(module, FSDPModule)
        self._every = max(1, round(recipe.unfreeze_every * steps)) if recipe.unfreeze_every else 0
        self._decay = recipe.layer_decay
        self._deepest = self._taught = max(self._depths.values())

    def optimizer(self, weight_decay: float) -> Optimizer:
        """Return AdamW over all that is ever taught, one group for each rate."""
        weights = dict(self._module.named_parameters())
        groups = [
            {"params": [weights[name] for name, depth in self._depths.items() if self._group(depth) == group]}
            for group in sorted(set(map(self._group, self._depths.values())))
        ]
        made = torch.optim.AdamW(groups, weight_decay=weight_decay, fused=True)
        if self._every:
            # From the start, so that checkpoints have one form, however many layers are taught by then.
            for name in self._depths:
                made.state[weights[name]] = _moments(weights[name])
        return made

    def set_rate(self, optimizer: Optimizer, rate: float) -> None:
        """Give each group its share of a step's learning rate."""
        for group, values in enumerate(optimizer.param_groups):
            values["lr"] = rate * self._decay**group

    def reach(self, step: int) -> bool:
        """Freeze and unfreeze as a step wants it; say whether that changed anything."""
        taught = min(self._deepest, step // self._every) if self._every else self._deepest
        if taught == self._taught:
            return False
        self._taught = taught
        if not self._sharded:
            for name, value in self._module.named_parameters():
                if name in self._depths:
                    value.requires_grad_(self._depths[name] <= taught)
        return True

    def drop_frozen(self) -> None:
        """Take away the gradients of frozen shards."""
        if self._sharded and self._every:
            for name, value in self._module.named_parameters():
                if self._depths.get(name, 0) > self._taught:
                    value.grad = None

    def _group(self, depth: int) -> int:
        return depth if self._decay < 1 else 0


def _moments(weight: Tensor) -> dict[str, Any]:
    """Return what AdamW keeps of a weight that it has not changed yet."""
    return {
        "step": torch.zeros((), dtype=torch.float32, device=weight.device),
        "exp_avg": torch.zeros_like(weight),
        "exp_avg_sq": torch.zeros_like(weight),
    }
