"""Checkpoints: sharded over the processes, written while training goes on, and whole or not there at all.

Each machine has a folder of its own; `sealed` says what is in it, `copies` where else it lies. The newest one that is
whole and sound is restored, whatever the number of processes that wrote it. A save that fails is said and costs no more
than that: the one before stays, and training goes on.
"""

import hashlib
import secrets
import shutil
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

from torch import nn
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.filesystem import FileSystemWriter
from torch.distributed.checkpoint.state_dict import get_state_dict, set_state_dict
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import async_save
from torch.optim import Optimizer

from ml.training import sealed
from ml.training.copies import Copies
from ml.training.kept_memory import KeptMemory
from ml.training.sealed import UNFINISHED, name_of
from ml.training.world import World


@dataclass(frozen=True, kw_only=True)
class Position:
    """How far a run is: `step` steps done, the curve so far, and the losses since the curve's last point."""

    step: int = 0
    curve: list[dict[str, Any]] = field(default_factory=list)
    pending: list[float] = field(default_factory=list)


class Checkpoints:
    """The last `keep` checkpoints of a run, in a folder that each machine has for itself, and in their copies.

    `identity` tells this run's checkpoints from another's. `step` is that of the newest one that a restart would find.
    """

    def __init__(
        self, folder: Path, identity: str, world: World, *, keep: int = 2, copies: Copies | None = None
    ) -> None:
        self._folder, self._world, self._keep = folder, world, keep
        self._copies = copies or Copies()
        self._identity = hashlib.sha256(identity.encode()).hexdigest()
        # What different attempts wrote at one step, each on some machines, is no checkpoint.
        self._attempt: str = world.everybody(secrets.token_hex(8))[0]
        self._saving: Future[None] | None = None
        self._memory = KeptMemory()
        self.step = 0

    @property
    def saving(self) -> bool:
        """Say whether a save is still under way."""
        return self._saving is not None and not self._saving.done()

    def save(self, position: Position, module: nn.Module, optimizer: Optimizer) -> None:
        """Copy the state at a position and return; a thread writes it. Waits for an earlier save to end."""
        self.finish()
        self._world.say(f"checkpoint step={position.step} saving")
        draft = self._folder / (name_of(position.step) + UNFINISHED)
        if self._world.leads_machine:
            shutil.rmtree(draft, ignore_errors=True)
        self._world.meet()
        facts = {
            "identity": self._identity, "attempt": self._attempt, "machine": self._world.machine,
            "machines": self._world.machines, **asdict(position),
        }  # fmt: skip
        # Sealing puts the files on the disk.
        writer = FileSystemWriter(draft, sync_files=False)
        state, group = _state(module, optimizer), self._world.saving
        written = async_save(state, storage_writer=writer, async_stager=self._memory, process_group=group)
        saving: Future[None] = Future()
        # The first process's save ends when all processes' files are written, and with it every other's.
        cast("Future[Any]", written).add_done_callback(lambda done: self._complete(done, saving, draft, facts))
        self._saving = saving

    def finish(self) -> None:
        """Wait until the save that is under way, if any, is where a restart finds it, or has failed."""
        saving, self._saving = self._saving, None
        if saving:
            saving.result()

    def restore(self, module: nn.Module, optimizer: Optimizer) -> Position:
        """Load the newest sound checkpoint of this run; return where it stands, which is the start if there is none."""
        for name in self._names():
            path = self._folder / name
            if self._world.leads_machine:
                self._copies.fetch(name, self._folder)
            self._world.meet()
            facts, trouble = sealed.read(path, self._identity)
            # All processes take the same one: what one machine lacks, none restores.
            if any(self._world.total([float(facts is None)])):
                self._world.say(f"checkpoint={path} ignored: {trouble or 'another machine has no whole copy of it'}")
                continue
            assert facts is not None
            state = _state(module, optimizer)
            load(state, checkpoint_id=path, process_group=self._world.saving)
            set_state_dict(module, optimizer, model_state_dict=state["module"], optim_state_dict=state["optimizer"])
            self._world.say(f"checkpoint={path} resuming at step={facts['step']}")
            self.step = facts["step"]
            return Position(step=facts["step"], curve=facts["curve"], pending=facts["pending"])
        return Position()

    def _names(self) -> list[str]:
        """Return the names of all checkpoints that some machine sees, the newest first."""
        mine = {*sealed.names(self._folder), *self._copies.names()} if self._world.leads_machine else set[str]()
        return sorted(set[str]().union(*self._world.everybody(mine)), reverse=True)

    def _complete(self, written: "Future[Any]", saving: "Future[None]", draft: Path, facts: Mapping[str, Any]) -> None:
        try:
            written.result()
            if self._world.leads_machine:
                self._copies.send(sealed.seal(draft, facts))
            self.step = facts["step"]
            self._world.say(f"checkpoint step={facts['step']} saved")
            self._prune(draft.stem)
        except BaseException as error:
            stays = f"step={self.step} stays the newest" if self.step else "there is none yet"
            self._warn(f"step={facts['step']} failed: {_cause(error)}; {stays}, training goes on")
            shutil.rmtree(draft, ignore_errors=True)
        finally:
            saving.set_result(None)

    def _prune(self, name: str) -> None:
        """Delete what is older than the last few up to this one; a newer one is no success of this run."""
        if not self._world.leads_machine:
            return
        for old in [other for other in sealed.names(self._folder) if other <= name][self._keep :]:
            shutil.rmtree(self._folder / old, ignore_errors=True)
        if self._world.is_first:
            try:
                self._copies.prune(name, self._keep)
            except Exception as error:  # What is left over costs some cents, and is deleted with the next.
                self._warn(f"copies older than {name} stay: {_cause(error)}")

    def _warn(self, what: str) -> None:
        if self._world.leads_machine:
            print(f"warning checkpoint {what}", flush=True)


def _state(module: nn.Module, optimizer: Optimizer) -> dict[str, Any]:
    """Return weights and optimizer state by the weights' names, which are the same however they are sharded."""
    weights, momenta = get_state_dict(module, optimizer)
    return {"module": weights, "optimizer": momenta}


def _cause(error: BaseException) -> str:
    """Name what went wrong; torch hands on one error for each process, with all their tracebacks."""
    if isinstance(error, CheckpointException):
        error = next(iter(error.failures.values()))[0]
    return f"{type(error).__name__}: {error}"
