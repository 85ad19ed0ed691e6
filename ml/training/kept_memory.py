"""Where saves copy the state before a thread writes it: memory that is kept, for taking new costs more than a copy."""

from typing import Any

import torch
from torch.distributed.checkpoint.staging import BlockingAsyncStager


class KeptMemory(BlockingAsyncStager):
    """Copies each state over the one before, into pinned memory where there is a GPU; for one save at a time."""

    def __init__(self) -> None:
        super().__init__(cache_staged_state_dict=True)

    def stage(self, state_dict: dict[str, Any]) -> dict[str, Any]:
        """Return a copy that stays as it is until the next one."""
        if self.state_dict_cache is None or _names(self.state_dict_cache) != _names(state_dict):
            # Left at nothing, it is pinned by torch, which only a GPU lets it do.
            self.state_dict_cache = None if torch.cuda.is_available() else BlockingAsyncStager().stage(state_dict)
        return super().stage(state_dict)


def _names(state: Any) -> Any:
    """Return what a state has, less its values: it changes when other layers are taught."""
    if isinstance(state, dict):
        return {name: _names(part) for name, part in state.items()}
    return len(state) if isinstance(state, list | tuple) else None
