"""Takes single stacks through Terraform: init when needed, then plan, apply or destroy."""

import hashlib
import json
import os
import re
import time
from functools import partial
from pathlib import Path
from typing import Any

from ci.aftermath import Aftermath
from ci.manifest import Stack
from ci.progress import Progress
from ci.stack_progress import StackProgress, State
from ci.terraform import Terraform

LOCK_FILE = ".terraform.lock.hcl"
CHECKSUMS = re.compile(r"^ *hashes = \[[^]]*\]\n", re.MULTILINE)
FLAGS = ("-input=false", "-json", "-no-color")


class StackRunner:
    """Works on the stacks of one environment; its methods run on several threads, each on its own stack."""

    def __init__(
        self, terraform: Terraform, aftermath: Aftermath, folder: Path, progress: Progress, *, embedded: bool
    ) -> None:
        self._terraform = terraform
        self._aftermath = aftermath
        # The environment's own folder, where what its stacks share is kept.
        self._folder = folder
        self._progress = progress
        self._embedded = embedded

    def prepared(self, stack: Stack) -> bool:
        """Tell whether nothing that `terraform init` acts on has changed since it last ran for `stack`."""
        stamp = stack.folder / ".terraform" / "groundplan"
        return stamp.exists() and stamp.read_text() == self._fingerprint(stack)

    def shares_lock_file(self, stack: Stack) -> bool:
        """Tell whether the checksums of the providers that `stack` needs are known from another stack."""
        return self._shared_lock_file(stack).exists()

    def prepare(self, stack: Stack, shown: StackProgress) -> bool:
        """Run `terraform init`, with the provider checksums that the first stack found."""
        if self.prepared(stack):
            return True
        self._enter(shown, "preparing")
        shared, own = self._shared_lock_file(stack), stack.folder / LOCK_FILE
        own.unlink(missing_ok=True)
        if shared.exists():
            own.write_bytes(shared.read_bytes())
        if self._terraform.run(stack, "init", *FLAGS, "-reconfigure", watch=shown.absorb) != 0:
            return self._failed(shown)
        if own.exists() and not shared.exists():
            shared.write_bytes(own.read_bytes())
        if own.exists() and self._embedded:
            # Only init checks the provider then. Each command would read its 700 MB again, a fifth of the CPU time that
            # a plan takes, to guard an account that is none.
            own.write_text(CHECKSUMS.sub("", own.read_text()))
        (stack.folder / ".terraform" / "groundplan").write_text(self._fingerprint(stack))
        self._enter(shown, "waiting")
        return True

    def apply(self, stack: Stack, shown: StackProgress, *, destroy: bool = False) -> bool:
        """Bring `stack` to what its JSON says, or to nothing; Terraform plans and applies in one go."""
        self._enter(shown, "planning")
        adoption = self._aftermath.begin(stack, partial(self._terraform.run, stack, "force-unlock", "-force"))
        if adoption and destroy:
            # A destroy takes nothing over: what is to go has to be in the state.
            self._apply_once(stack, shown)
        status = self._apply_once(stack, shown, *(("-destroy",) if destroy else ()))
        while status > 0 and adoption and not self._terraform.interrupted and adoption.learn(shown.diagnostics):
            adoption.write()
            shown.begin_again()
            status = self._apply_once(stack, shown)
        if status >= 0:
            self._aftermath.end(stack, adoption, stopped=self._terraform.interrupted)
        return self._succeeded(shown) if status == 0 else self._failed(shown)

    def _apply_once(self, stack: Stack, shown: StackProgress, *goal: str) -> int:
        return self._terraform.run(stack, "apply", *FLAGS, "-auto-approve", *goal, watch=shown.absorb)

    def apply_plan(self, stack: Stack, shown: StackProgress, file: Path) -> bool:
        """Do what the plan in `file` says and nothing else; Terraform refuses it where the state is not what it was."""
        self._enter(shown, "applying")
        if self._aftermath.begin(stack, partial(self._terraform.run, stack, "force-unlock", "-force")):
            shown.noise.append(
                "a killed run made what no state knows; deploy without a plan first, which takes it over"
            )
            return self._failed(shown)
        status = self._terraform.run(stack, "apply", *FLAGS, str(file), watch=shown.absorb)
        if status >= 0:
            self._aftermath.end(stack, None, stopped=self._terraform.interrupted)
        return self._succeeded(shown) if status == 0 else self._failed(shown)

    def refuse(self, shown: StackProgress, *reasons: str) -> bool:
        """Note why a stack was not changed although it was its turn."""
        shown.noise.extend(reasons)
        return self._failed(shown)

    def leave(self, shown: StackProgress) -> bool:
        """Note that there is nothing to do for a stack."""
        self._enter(shown, "planning")
        return self._succeeded(shown)

    def plan(self, stack: Stack, shown: StackProgress, *, file: Path) -> bool:
        """Compare `stack` with what is deployed and write the plan to `file`; `shown` then has the counts."""
        self._enter(shown, "planning")
        flags = ("-detailed-exitcode", "-lock=false", f"-out={file}")
        status = self._terraform.run(stack, "plan", *FLAGS, *flags, watch=shown.absorb)
        return self._failed(shown) if status == 1 or status < 0 else self._succeeded(shown)

    def read_plan(self, stack: Stack, file: Path) -> dict[str, Any]:
        """Return all that the plan in `file` says, as `terraform show -json` writes it."""
        document: dict[str, Any] = json.loads(self._terraform.answer(stack, "show", "-json", str(file)))
        return document

    def skip(self, shown: StackProgress) -> None:
        """Note that a stack was left alone because one that it depends on did not succeed."""
        if not shown.ended:
            self._leave(shown, "skipped")

    def _enter(self, shown: StackProgress, state: State) -> None:
        shown.state = state
        shown.started = None if state == "waiting" else time.monotonic()
        self._progress.changed(shown)

    def _leave(self, shown: StackProgress, state: State) -> None:
        shown.state, shown.finished = state, time.monotonic()
        shown.working.clear()
        self._progress.changed(shown)

    def _succeeded(self, shown: StackProgress) -> bool:
        self._leave(shown, "done")
        return True

    def _failed(self, shown: StackProgress) -> bool:
        self._leave(shown, "interrupted" if self._terraform.interrupted else "failed")
        return False

    def _fingerprint(self, stack: Stack) -> str:
        settings = json.dumps(stack.document.get("terraform"), sort_keys=True)
        configuration = Path(self._terraform.variables["TF_CLI_CONFIG_FILE"]).read_text()
        return hashlib.sha256(f"{self._terraform.program}\n{configuration}\n{settings}".encode()).hexdigest()

    def _shared_lock_file(self, stack: Stack) -> Path:
        needed = json.dumps(stack.document.get("terraform", {}).get("required_providers"), sort_keys=True)
        return self._folder / f"providers-{hashlib.sha256(needed.encode()).hexdigest()[:12]}.lock.hcl"


def cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
