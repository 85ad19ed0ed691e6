"""How a network is spread over the processes: a copy in each (DDP), or a shard in each (FSDP2)."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, cast

from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.nn.parallel import DistributedDataParallel

from ml.training.world import World


def shard(module: nn.Module, kind: str, world: World) -> None:
    """Leave in each process a shard of each layer, in place, where the recipe says "fsdp" and there are several."""
    if kind == "fsdp" and world.size > 1:
        for layer in layers(module):
            fully_shard(layer)
        fully_shard(module)


def joined(module: nn.Module, world: World) -> nn.Module:
    """Return the module such that the gradients of what is taught now are averaged over all processes."""
    if world.size == 1 or isinstance(module, FSDPModule):
        return module
    return DistributedDataParallel(module, gradient_as_bucket_view=True)


def layers(module: nn.Module) -> list[nn.Module]:
    """Return the network's layers, the lowest first: what stands in its lists of modules and has weights."""
    lists = (part for part in module.modules() if isinstance(part, nn.ModuleList))
    return [layer for part in lists for layer in part if any(True for _ in layer.parameters())]


def without_exchange(module: nn.Module, *, when: bool) -> Any:
    """Return a context in which gradients only add up here, for all but the last part of a step."""
    if isinstance(module, FSDPModule):
        module.set_requires_gradient_sync(not when)
        return nullcontext()
    if isinstance(module, DistributedDataParallel) and when:
        return module.no_sync()
    return nullcontext()


@contextmanager
def whole(module: nn.Module) -> Iterator[None]:
    """Let each process use the whole network by itself, without the others taking the same steps."""
    shards = [part for part in module.modules() if isinstance(part, FSDPModule)]
    for part in shards:
        part.set_reshard_after_forward(False, recurse=False)
        part.unshard()
    try:
        yield
    finally:
        for part in shards:
            part.set_reshard_after_forward(True, recurse=False)
            part.reshard()


def weights(module: nn.Module) -> dict[str, Tensor]:
    """Return the whole network's weights on the CPU. All processes must ask; where sharded, the first is answered."""
    found = get_model_state_dict(module, options=StateDictOptions(full_state_dict=True, cpu_offload=True))
    return cast("dict[str, Tensor]", found)
