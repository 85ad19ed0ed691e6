"""What a recipe needs, before a machine is paid for: weights, memory and arithmetic.

What can be counted is counted, not estimated: the network takes one step on made-up tensors that have a shape and no
content (torch's fake tensors), and what it computes and keeps for the way back is added up.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.autograd.graph import saved_tensors_hooks
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode, sdpa_backward_flop_count, sdpa_flop_count

from ml.errors import InputError
from ml.models import catalogue
from ml.training import lora, parallel
from ml.training.recipe import Recipe

FLOAT32 = 4
MOMENTS = 2  # AdamW keeps two numbers a weight.


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A network and made-up examples: from `inputs` it makes logits, [..., classes], for `targets`, [...].

    `tokens` are those of one example, the most that the recipe allows.
    """

    module: nn.Module
    inputs: tuple[Tensor, ...]
    targets: Tensor
    tokens: int


@dataclass(frozen=True, kw_only=True)
class Size:
    """What was counted; bytes are those that one pass keeps for the way back.

    `kept_bytes` are kept however few the examples are (weights rounded to bfloat16), and each example adds
    `kept_bytes_per_example`. `largest_layer` counts the weights that sharding gathers at a time.
    """

    weights: int
    taught: int
    largest_layer: int
    tokens_per_example: int
    flops_per_example: int
    kept_bytes: int
    kept_bytes_per_example: int


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Bytes in each GPU when most is held: the last pass of a step is through the network, all gradients are there."""

    weights: int
    gradients: int
    optimizer: int
    activations: int

    @property
    def total(self) -> int:
        """Add them up."""
        return self.weights + self.gradients + self.optimizer + self.activations


def measure(model: str, recipe: Recipe, *, bfloat16: bool) -> Size:
    """Count what a step of a recipe takes; `bfloat16` says whether the machine multiplies in that."""
    if find_spec(f"ml.models.{catalogue.card(model).name}.sizing") is None:
        fix = "write one, as ml/models/review_writer/sizing.py"
        raise InputError("model", repr(model), "has no sizing.py, so it cannot be measured", fix)
    sample: Callable[[Recipe, int], Sample] = catalogue.part(model, "sizing").sample
    with FakeTensorMode():
        made, other = sample(recipe, 1), sample(recipe, 2)
        for network in (made.module, other.module):
            if recipe.lora_rank:
                lora.adapt(network, recipe.lora_rank, recipe.lora_alpha)
        flops, one = step(made, bfloat16=bfloat16)
        _, two = step(other, bfloat16=bfloat16)
    layers = parallel.layers(made.module)
    return Size(
        weights=_count(made.module),
        taught=sum(value.numel() for value in made.module.parameters() if value.requires_grad),
        largest_layer=max([*map(_count, layers), _count(made.module) - sum(map(_count, layers))]),
        tokens_per_example=made.tokens,
        flops_per_example=flops,
        kept_bytes=2 * one - two,
        kept_bytes_per_example=two - one,
    )


def step(sample: Sample, *, bfloat16: bool) -> tuple[int, int]:
    """Take a step; return its floating-point operations, and the bytes kept from the way there for the way back."""
    weights = {value.untyped_storage()._cdata for value in sample.module.parameters()}
    kept: dict[int, torch.UntypedStorage] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in weights:
            kept[storage._cdata] = storage
        return tensor

    with (
        FlopCounterMode(display=False, custom_mapping=ATTENTION) as counter,
        saved_tensors_hooks(keep, lambda tensor: tensor),
    ):
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            logits = sample.module(*sample.inputs)
        loss = functional.cross_entropy(logits.float().flatten(0, -2), sample.targets.flatten())
        loss.backward()  # type: ignore[no-untyped-call]
    return counter.get_total_flops(), sum(storage.nbytes() for storage in kept.values())


def _attention(query: Any, key: Any, value: Any, *_: object, **__: object) -> int:
    return sdpa_flop_count(query, key, value)  # type: ignore[no-untyped-call, no-any-return]


def _attention_back(gradient: Any, query: Any, key: Any, value: Any, *_: object, **__: object) -> int:
    return sdpa_backward_flop_count(gradient, query, key, value)  # type: ignore[no-untyped-call, no-any-return]


# Torch itself counts the attention of GPUs alone.
ATTENTION = {
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention,
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward: _attention_back,
}


def memory(size: Size, recipe: Recipe, processes: int) -> Memory:
    """Return what each process holds; weights, gradients and moments are float32, as the loop keeps them."""
    examples = -(-recipe.batch_size // (processes * recipe.accumulate))
    activations = size.kept_bytes + examples * size.kept_bytes_per_example
    whole, taught = size.weights * FLOAT32, size.taught * FLOAT32
    if recipe.parallel == "ddp" or processes == 1:
        return Memory(weights=whole, gradients=taught, optimizer=MOMENTS * taught, activations=activations)
    # The layer at work and the next one are gathered from all processes, and their gradients on the way back.
    gathered = 2 * size.largest_layer * FLOAT32
    # Without an exchange after each part, gradients add up unsharded until the last one.
    unsharded = taught if recipe.accumulate > 1 else min(gathered, taught)
    return Memory(
        weights=whole // processes + gathered,
        gradients=taught // processes + unsharded,
        optimizer=MOMENTS * taught // processes,
        activations=activations,
    )


def exchanged_bytes(size: Size, recipe: Recipe, processes: int) -> int:
    """Return what each process sends in a step, by rings: gradients once, and where sharded the weights as needed."""
    if processes == 1:
        return 0
    share = (processes - 1) / processes
    if recipe.parallel == "ddp":
        return int(2 * share * size.taught * FLOAT32)
    return int(share * FLOAT32 * (2 * recipe.accumulate * size.weights + size.taught))


def _count(module: nn.Module) -> int:
    return sum(value.numel() for value in module.parameters())
