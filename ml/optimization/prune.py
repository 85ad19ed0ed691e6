"""Structured pruning: whole channels go, so that what is left is smaller and faster on any machine.

Single weights set to nought leave a network as slow as before; torch-pruning finds which rows and columns of all
layers belong to one channel (Fang et al., 2023).
"""

from torch import Tensor, nn


def prune(network: nn.Module, example: Tensor, share: float, round_to: int) -> nn.Module:
    """Take the weakest `share` of channels out of each layer but the last, in place; `example` is an input."""
    import torch_pruning

    kinds = [nn.Conv1d, nn.Conv2d, nn.Linear, nn.Embedding]
    *_, last = (part for part in network.modules() if isinstance(part, nn.Linear))
    torch_pruning.pruner.BasePruner(
        network,
        example,
        importance=torch_pruning.importance.GroupMagnitudeImportance(p=2),
        pruning_ratio=share,
        round_to=round_to,
        # Its outputs are the labels.
        ignored_layers=[last],
        root_module_types=kinds,
    ).step()
    return network
