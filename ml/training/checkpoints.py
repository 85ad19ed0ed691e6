"""Checkpoints: a job that starts again goes on at the step where the last checkpoint was taken, and ends the same."""

import hashlib
import os
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

NAME = "latest.pt"


class Checkpoints:
    """One checkpoint file in a folder that the platform keeps; `identity` tells this run's from another's."""

    def __init__(self, folder: Path, identity: str) -> None:
        self._path = folder / NAME
        self._identity = hashlib.sha256(identity.encode()).hexdigest()

    def save(self, step: int, module: nn.Module, optimizer: Optimizer, curve: list[dict[str, Any]]) -> None:
        """Write the state after `step` steps; the file is whole at every moment, even if the power fails."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        state = {
            "identity": self._identity,
            "step": step,
            "module": module.state_dict(),
            "optimizer": optimizer.state_dict(),
            "curve": curve,
        }
        unfinished = self._path.with_suffix(".tmp")
        with unfinished.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(self._path)

    def restore(self, module: nn.Module, optimizer: Optimizer) -> tuple[int, list[dict[str, Any]]]:
        """Return the step to go on from and the curve so far: 0 and nothing where this run left no checkpoint."""
        if not self._path.exists():
            return 0, []
        try:
            state = torch.load(self._path, map_location="cpu", weights_only=True)
        except Exception as error:  # what a file of garbage raises is nobody's promise
            print(f"checkpoint={self._path} ignored: it cannot be read ({error!r:.80})", flush=True)
            return 0, []
        if state["identity"] != self._identity:
            print(
                f"checkpoint={self._path} ignored: another recipe, data set or number of processes left it", flush=True
            )
            return 0, []
        module.load_state_dict(state["module"])
        optimizer.load_state_dict(state["optimizer"])
        print(f"checkpoint={self._path} resuming at step={state['step']}", flush=True)
        return int(state["step"]), list(state["curve"])
