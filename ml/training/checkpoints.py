"""Checkpoints: sharded over the processes, written while training goes on, and whole or not there at all.

    checkpoints/step-00000150/                  torch.distributed.checkpoint's files, one or more a process
    checkpoints/step-00000150/complete-0.json   of machine 0: step, identity, curve, each file's SHA-256; written last

A folder gets its name by a rename once all of that is on the disk. The platform then copies file by file, so a folder
counts only when every machine's list is there and every file has the hash that its list names. The newest such folder
is restored, whatever the number of processes that wrote it.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

from torch import nn
from torch.distributed.checkpoint.state_dict import get_state_dict, set_state_dict
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import async_save
from torch.optim import Optimizer

from ml.training.world import World

UNFINISHED = ".tmp"  # The platform does not copy what ends so.


@dataclass(frozen=True, kw_only=True)
class Position:
    """How far a run is: `step` steps done, the curve so far, and the losses since the curve's last point."""

    step: int = 0
    curve: list[dict[str, Any]] = field(default_factory=list)
    pending: list[float] = field(default_factory=list)


class Checkpoints:
    """The last `keep` checkpoints of a run, in a folder that each machine has for itself.

    `identity` tells this run's checkpoints from another's.
    """

    def __init__(self, folder: Path, identity: str, world: World, *, keep: int = 2) -> None:
        self._folder, self._world, self._keep = folder, world, keep
        self._identity = hashlib.sha256(identity.encode()).hexdigest()
        self._saving: Future[None] | None = None

    @property
    def saving(self) -> bool:
        """Say whether a save is still under way."""
        return self._saving is not None and not self._saving.done()

    def save(self, position: Position, module: nn.Module, optimizer: Optimizer) -> None:
        """Copy the state at a position and return; a thread writes it. Waits for an earlier save to end."""
        self.finish()
        self._world.say(f"checkpoint step={position.step} saving")
        draft = self._folder / (_name(position.step) + UNFINISHED)
        if self._world.leads_machine:
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir(parents=True)
        self._world.meet()
        facts = {"identity": self._identity, "machines": self._world.machines, **asdict(position)}
        written = async_save(_state(module, optimizer), checkpoint_id=draft, process_group=self._world.saving)
        saving: Future[None] = Future()
        # The first process's save ends when all processes' files are written, and with it every other's.
        cast("Future[Any]", written).add_done_callback(lambda done: self._complete(done, saving, draft, facts))
        self._saving = saving

    def finish(self) -> None:
        """Wait until the save that is under way, if any, is on the disk; raise what went wrong with it."""
        saving, self._saving = self._saving, None
        if saving:
            saving.result()

    def restore(self, module: nn.Module, optimizer: Optimizer) -> Position:
        """Load the newest sound checkpoint of this run; return where it stands, which is the start if there is none."""
        for path in _newest_first(self._folder):
            facts, trouble = _read(path, self._identity)
            # All processes take the same one: what one machine lacks, none restores.
            if any(self._world.total([float(facts is None)])):
                self._world.say(f"checkpoint={path} ignored: {trouble or 'another machine has no whole copy of it'}")
                continue
            assert facts is not None
            state = _state(module, optimizer)
            load(state, checkpoint_id=path, process_group=self._world.saving)
            set_state_dict(module, optimizer, model_state_dict=state["module"], optim_state_dict=state["optimizer"])
            self._world.say(f"checkpoint={path} resuming at step={facts['step']}")
            return Position(step=facts["step"], curve=facts["curve"], pending=facts["pending"])
        return Position()

    def _complete(self, written: "Future[Any]", saving: "Future[None]", draft: Path, facts: dict[str, Any]) -> None:
        try:
            written.result()
            if self._world.leads_machine:
                _seal(draft, {**facts, "machine": self._world.machine})
                for old in _newest_first(self._folder)[self._keep :]:
                    shutil.rmtree(old, ignore_errors=True)
        except BaseException as error:
            saving.set_exception(error)
        else:
            self._world.say(f"checkpoint step={facts['step']} saved")
            saving.set_result(None)


def _state(module: nn.Module, optimizer: Optimizer) -> dict[str, Any]:
    """Return weights and optimizer state by the weights' names, which are the same however they are sharded."""
    weights, momenta = get_state_dict(module, optimizer)
    return {"module": weights, "optimizer": momenta}


def _name(step: int) -> str:
    return f"step-{step:08d}"


def _newest_first(folder: Path) -> list[Path]:
    return sorted((path for path in folder.glob("step-*") if path.suffix != UNFINISHED), reverse=True)


def _seal(draft: Path, facts: dict[str, Any]) -> None:
    """Write the list of what the folder holds, put all of it on the disk, and give the folder its name."""
    files = {}
    for path in sorted(draft.iterdir()):
        files[path.name] = _sha256(path)
        _to_disk(path)
    listed = draft / f"complete-{facts['machine']}.json"
    listed.write_text(json.dumps({**facts, "files": files}))
    for path in (listed, draft):
        _to_disk(path)
    whole = draft.with_suffix("")
    shutil.rmtree(whole, ignore_errors=True)  # An unsound one of this step, which was not restored.
    draft.rename(whole)
    _to_disk(whole.parent)


def _read(path: Path, identity: str) -> tuple[dict[str, Any] | None, str]:
    """Return what a checkpoint's lists say, or None and why it cannot be used."""
    try:
        lists = [json.loads(listed.read_text()) for listed in sorted(path.glob("complete-*.json"))]
        if not lists or len(lists) < lists[0]["machines"]:
            return None, "it is not whole"
        if any(facts["identity"] != identity for facts in lists):
            return None, "another recipe or data set left it"
        for facts in lists:
            for name in _unsound(path, facts["files"]):
                return None, f"{name} is not what was saved"
    except (OSError, ValueError, LookupError, TypeError) as error:
        return None, f"it cannot be read ({error!r:.80})"
    return lists[0], ""


def _unsound(path: Path, files: dict[str, str]) -> Iterator[str]:
    return (name for name, hashed in files.items() if not (path / name).exists() or _sha256(path / name) != hashed)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
