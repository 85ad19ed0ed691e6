"""Takes up the work of a run that was killed: its lock, and what it had made and could not save."""

import getpass
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from ci.adoption import Adoption
from ci.interrupted import Interrupted
from ci.manifest import Stack
from ci.site import Site
from ci.state import StateStore, is_left_behind
from ci.state_holders import holders


class Aftermath:
    """The papers of one environment's runs. A mark stands while Terraform changes a stack: one found tells of a death.

    It is asked only by who holds the environment (ci/run_lock.py), so that run and all its children are over.
    """

    def __init__(self, site: Site, state: StateStore, folder: Path, say: Callable[[str], None]) -> None:
        self._site, self._state, self._folder, self._say = site, state, folder, say

    def begin(self, stack: Stack, unlock: Callable[[str], object]) -> Adoption | None:
        """Return what is to be taken over before `stack` is changed, if anything; let `unlock` release a dead lock."""
        mark = self._mark(stack)
        left = self._interrupted(stack)
        adoption = None
        if left is not None:
            self._release(stack, left, unlock)
            saved = self._state.ids(stack)
            for address in left.made.keys() & saved.keys():
                if left.made[address] != saved[address]:
                    rule = f"a killed run was replacing {address}, and no state knows {left.made[address]}: remove it."
                    self._say(f"{stack.id}: {rule}")
            if left := left.less(saved):
                adoption = Adoption(stack, left, self._site)
                self._tell(stack, adoption)
                adoption.write()
        (left or Interrupted(datetime.now(UTC))).write(mark)
        return adoption

    def end(self, stack: Stack, adoption: Adoption | None, *, stopped: bool) -> None:
        """Forget what is saved now. What is not stays for the run that follows.

        A provider that is stopped gives up its waits, also for what AWS is making at that moment.
        """
        if adoption:
            adoption.remove()
        left = self._interrupted(stack) if stopped else adoption and adoption.left
        if left and (left := left.less(self._state.ids(stack))):
            left.write(self._mark(stack))
        else:
            self._mark(stack).unlink()

    def _interrupted(self, stack: Stack) -> Interrupted | None:
        return Interrupted.read(self._mark(stack), self._folder / "events" / f"{stack.id}.apply.jsonl")

    def _mark(self, stack: Stack) -> Path:
        return self._folder / f"{stack.id}.changing"

    def _tell(self, stack: Stack, adoption: Adoption) -> None:
        if adoption.ids:
            names = ", ".join(sorted(adoption.ids))
            self._say(f"{stack.id}: a killed run made and could not save {names}; taking it over.")
        for address, identifier in adoption.lost.items():
            self._say(f"{stack.id}: a killed run made {address} ({identifier}), which is declared no more: remove it.")

    def _release(self, stack: Stack, left: Interrupted, unlock: Callable[[str], object]) -> None:
        """Release Terraform's lock if its holder is dead beyond doubt, else leave it and say so.

        It is when the lock names this user and this machine, was taken after the run that died had begun, and no
        process here works on that state.
        """
        lock, backend = self._state.lock(stack), stack.backend
        if lock is None or backend is None:
            return
        who = f"{getpass.getuser()}@{socket.gethostname()}"
        if not is_left_behind(lock, who=who, since=left.since):
            self._say(f"{stack.id}: {lock.get('Who')} holds Terraform's lock {lock['ID']} since {lock['Created']}.")
        elif (alive := holders(backend)) is None or alive:
            why = f"process {alive[0]} works on that state" if alive else "this system does not tell who works on it"
            self._say(f"{stack.id}: Terraform's lock {lock['ID']} may be in use, for {why}; leaving it.")
        else:
            self._say(f"{stack.id}: a killed run left Terraform's lock {lock['ID']}, and nothing works on that state.")
            unlock(lock["ID"])
