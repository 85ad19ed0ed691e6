"""Turns an environment's Python into Terraform JSON, in a process of its own that takes its memory along."""

import pickle
import shutil
import subprocess
import sys
from pathlib import Path

from ci.child_environment import child_environment
from ci.errors import CommandError
from ci.manifest import Stack, read_stacks
from ci.result import Result
from ci.tools import need_node
from ci.workspace import Workspace
from infra.spec import Environment


class SynthResult(Result):
    """Where the Terraform JSON lies and how many resources each stack declares, in dependency order."""

    environment: str
    folders: dict[str, Path]
    resources: dict[str, int]

    @classmethod
    def of(cls, environment: Environment, stacks: tuple[Stack, ...]) -> "SynthResult":
        """Return what there is to tell of synthesized stacks."""
        folders = {stack.id: stack.folder for stack in stacks}
        return cls(
            environment=environment.name, folders=folders, resources={stack.id: stack.resources for stack in stacks}
        )


def synthesize_bootstrap(environment: Environment, workspace: Workspace) -> Stack:
    """Write the stack that `environment` stands on, beside those that stand on it, and return it."""
    (stack,) = _written(environment, workspace, "bootstrap.out", "--bootstrap")
    return stack


def synthesize(environment: Environment, workspace: Workspace) -> tuple[Stack, ...]:
    """Write the stacks of `environment` below its folder in the workspace and return them in dependency order.

    The value counts, not what a file of its name holds: a rehearsal's lives elsewhere.
    What Terraform keeps beside the JSON (its `.terraform` folders) stays, so that a second run need not fetch it again.
    """
    return _written(environment, workspace, "cdktf.out")


def _written(environment: Environment, workspace: Workspace, place: str, *flags: str) -> tuple[Stack, ...]:
    need_node()
    folder = workspace.folder(environment.name) / place
    answer = subprocess.run(
        [sys.executable, workspace.root / "app.py", environment.name, "--given", *flags],
        cwd=workspace.root,
        env=child_environment({"CDKTF_OUTDIR": str(folder)}),
        input=pickle.dumps(environment),
        capture_output=True,
        check=False,
    )
    if answer.returncode != 0:
        raise _explained(environment, answer.stderr.decode(errors="replace"))
    stacks = read_stacks(folder)
    _forget_removed(folder, stacks)
    return stacks


def _forget_removed(folder: Path, stacks: tuple[Stack, ...]) -> None:
    """Remove folders of stacks that the program no longer has, which cdktf leaves behind."""
    known = {stack.folder for stack in stacks}
    for stale in set((folder / "stacks").iterdir()) - known:
        shutil.rmtree(stale)


def _explained(environment: Environment, said: str) -> CommandError:
    lines = [line for line in said.strip().splitlines() if line.strip()]
    return CommandError(
        thing=f"environment {environment.name!r}",
        value=lines[-1] if lines else "no message",
        rule="stopped its synthesis",
        fix=f"mend it, then look at it with: groundplan synth {environment.name}",
    )
