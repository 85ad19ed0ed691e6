"""Rehearses a workflow: runs it by act on this machine, against the embedded cloud.

GitHub's conditions, matrices and needs hold as there. What a step `uses:` is another's own, and a stub stands for it.
Comments and issues go to a recorder on 127.0.0.1 and end as files.
"""

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from ci.child_environment import child_environment
from ci.errors import CommandError
from ci.progress import QUIET, Progress
from ci.result import Result
from ci.workflow import act
from ci.workflow.recorder import Recorder, recorder
from ci.workflow.stage import REPOSITORY, WORKFLOWS, Event, programs, stage
from ci.workspace import Workspace
from infra.spec import EmbeddedCloud, Environment
from infra.spec.errors import nearest

# This very program.
PROGRAM = (sys.executable, "-m", "ci.cli")
# Whatever a workflow says, a rehearsal has no way into anybody's account.
NO_ACCOUNT = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}


class WorkflowOutcome(Result):
    """How a rehearsal went; `told` are the files with its comments, its issues and its summary."""

    workflow: str
    environment: str
    steps: tuple[act.StepOutcome, ...]
    told: tuple[Path, ...]

    @property
    def failed(self) -> bool:
        """Whether GitHub would show it red."""
        return any(step.state == "failed" for step in self.steps)


def names(workspace: Workspace) -> list[str]:
    """Return the workflows of this repository."""
    return sorted(file.stem for file in (workspace.root / WORKFLOWS).glob("*.yml"))


def rehearse_workflow(
    name: str,
    environment: Environment,
    workspace: Workspace,
    *,
    event: Event,
    program: Sequence[str] = PROGRAM,
    progress: Progress = QUIET,
) -> WorkflowOutcome:
    """Run a workflow for `environment`, as after `event`; `program` is what it calls by our command's name.

    Raises `CommandError` where there is no such workflow or event, or the environment is none of this machine.
    """
    if name not in names(workspace):
        fix = nearest(name, names(workspace), otherwise=f"there are {', '.join(names(workspace))}")
        raise CommandError(thing="workflow", value=repr(name), rule="is not in .github/workflows", fix=fix)
    if not isinstance(environment.target, EmbeddedCloud):
        fix = "name one that lives on the embedded cloud, such as local"
        raise CommandError(thing="environment", value=repr(environment.name), rule="is real", fix=fix)
    folder = workspace.home / "workflows" / name
    folder.mkdir(parents=True, exist_ok=True)
    for file in folder.glob("*.md"):
        file.unlink()
    docker = (sys.executable, "-m", "ci.workflow.docker", environment.name, str(workspace.home))
    # To `groundplan environments` there is none but that of the rehearsal.
    given = {"GROUNDPLAN_HOME": str(workspace.home), "GROUNDPLAN_REHEARSED": environment.name}
    bare = child_environment(NO_ACCOUNT | given, forget=("AWS_",))
    own = bare.get("PATH", os.defpath)
    # What make runs may rehearse too, as our tests do: it must meet neither these programs nor this home.
    make = ("env", *(f"--unset={name}" for name in given), f"PATH={own}", shutil.which("make") or "make")
    called = {"groundplan": program, "make": make, "docker": docker}
    path = os.pathsep.join((str(programs(folder, workspace.root, called)), own))
    with recorder() as api, TemporaryDirectory(prefix="groundplan-workflow-") as scene:
        github = {"GITHUB_API_URL": api.url, "GITHUB_REPOSITORY": REPOSITORY}
        place = stage(name, environment.name, root=workspace.root, folder=Path(scene), event=event, variables=github)
        steps = act.run(place, bare | {"PATH": path}, progress)
        told = tuple(_written(folder, api))
    return WorkflowOutcome(workflow=name, environment=environment.name, steps=steps, told=told)


def _written(folder: Path, api: Recorder) -> Iterator[Path]:
    for kind, kept in (("comment", api.comments), ("issue", api.issues)):
        for number, one in kept.items():
            file = folder / f"{kind}-{number}.md"
            file.write_text(one["body"])
            yield file
    if (summary := folder / "summary.md").exists() and summary.stat().st_size:
        yield summary
