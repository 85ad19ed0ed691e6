"""Rehearses a workflow: runs what its steps run, on this machine, against the embedded cloud.

Every `run:` is run by the same shell with the same variables as GitHub's runner does. What a step `uses:` is GitHub's
or another's own, and is named and left out. Comments and issues go to a recorder on 127.0.0.1 and end as files.
"""

import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from itertools import product
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from ci.child_environment import child_environment
from ci.errors import CommandError
from ci.progress import QUIET, Progress
from ci.result import Result
from ci.workflow.recorder import Recorder, recorder
from ci.workspace import Workspace
from infra.spec import EmbeddedCloud, Environment
from infra.spec.errors import nearest

WORKFLOWS = Path(".github/workflows")
SHELL = ("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c")
# This very program.
PROGRAM = (sys.executable, "-m", "ci.cli")
State = Literal["done", "failed", "left out", "skipped"]
_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}")
_JOIN = re.compile(r"join\((\S+), '(.*)'\)")


class StepOutcome(Result):
    """How one step went."""

    job: str
    step: str
    state: State
    seconds: float = 0.0


class WorkflowOutcome(Result):
    """How a rehearsal went; `told` are the files with its comments, its issues and its summary."""

    workflow: str
    environment: str
    steps: tuple[StepOutcome, ...]
    told: tuple[Path, ...]

    @property
    def failed(self) -> bool:
        """Whether GitHub would show it red."""
        return any(step.state == "failed" for step in self.steps)


class Event(Result):
    """What starts a rehearsed workflow: a pull request and its labels, or a person with inputs for it."""

    # The commit that the pull request would be merged into.
    base: str
    labels: tuple[str, ...] = ()
    inputs: dict[str, str] = Field(default_factory=dict)


@dataclass
class _Rehearsal:
    document: Mapping[str, Any]
    workspace: Workspace
    folder: Path
    variables: Mapping[str, str]
    context: dict[str, Any]
    progress: Progress
    outcomes: list[StepOutcome] = field(default_factory=list)

    def run(self) -> None:
        """Run the jobs, each after those that it needs; a failed one keeps those from running."""
        jobs: Mapping[str, Any] = self.document["jobs"]
        needs = {name: _listed(job.get("needs", [])) for name, job in jobs.items()}
        failed: set[str] = set()
        for name in TopologicalSorter(needs).static_order():
            if not failed.isdisjoint(needs[name]):
                self._note(name, "needs what failed", "skipped")
                failed.add(name)
                continue
            for values in self._matrix(jobs[name]):
                self.context["matrix"] = values
                if not self._job(name, jobs[name]):
                    failed.add(name)

    def _matrix(self, job: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """Yield what the job runs with, once for each; of environments there is the rehearsed one alone."""
        matrix = {**job.get("strategy", {}).get("matrix", {}), "environment": [self.context["inputs"]["environment"]]}
        for values in product(*matrix.values()):
            yield dict(zip(matrix, values, strict=True))

    def _job(self, name: str, job: Mapping[str, Any]) -> bool:
        if "uses" in job:
            own = Path(job["uses"]).stem
            self._note(name, f"uses {job['uses']}: rehearse it by its own name, {own}", "left out")
            return True
        self.context["steps"], ok = {}, True
        for step in job["steps"]:
            title = step.get("name") or step.get("run") or f"uses {step['uses'].partition('@')[0]}"
            if "run" not in step:
                self._note(name, title, "left out")
            elif not ok and "cancelled()" not in str(step.get("if")):
                self._note(name, title, "skipped")
            else:
                ok &= self._step(name, title, step, {**self.document.get("env", {}), **job.get("env", {})})
        outputs = {key: self._text(value) for key, value in job.get("outputs", {}).items()}
        self.context["needs"][name] = {"outputs": outputs}
        return ok

    def _step(self, job: str, title: str, step: Mapping[str, Any], env: Mapping[str, Any]) -> bool:
        told = {key: self._text(value) for key, value in {**env, **step.get("env", {})}.items()}
        output = self.folder / "output"
        output.write_text("")
        self.progress.say(f"▶ {job}: {title}")
        began = time.monotonic()
        done = subprocess.run(
            [*SHELL, step["run"]],
            cwd=self.workspace.root,
            env={**self.variables, **told, "GITHUB_OUTPUT": str(output)},
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            check=False,
        )
        lines = (line.partition("=") for line in output.read_text().splitlines())
        self.context["steps"][step.get("id", "")] = {"outputs": {key: value for key, _, value in lines}}
        self._note(job, title, "failed" if done.returncode else "done", time.monotonic() - began)
        return done.returncode == 0

    def _note(self, job: str, title: str, state: State, seconds: float = 0.0) -> None:
        self.outcomes.append(StepOutcome(job=job, step=title, state=state, seconds=round(seconds, 2)))

    def _text(self, value: object) -> str:
        return _EXPRESSION.sub(lambda found: str(self._value(found[1])), str(value))

    def _value(self, expression: str) -> object:
        """The first of `a || b` that is something: a place in the context, places that are joined, a text in quotes."""
        value: Any = ""
        for part in (part.strip() for part in expression.split("||")):
            if part.startswith("'"):
                return part.strip("'")
            joined = _JOIN.fullmatch(part)
            value = joined[2].join(_place(self.context, joined[1])) if joined else _place(self.context, part)
            if value:
                break
        return value


def _place(value: Any, path: str) -> Any:
    """What lies at a path such as `inputs.model`; `a.*.b` is the list of every b."""
    word, _, rest = path.partition(".")
    if word == "*":
        return [_place(each, rest) for each in value or ()]
    inside = value.get(word, "") if isinstance(value, Mapping) else ""
    return _place(inside, rest) if rest else inside


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
    """Run a workflow's steps for `environment`, as after `event`; `program` is what they call by our command's name.

    Raises `CommandError` where there is no such workflow, or the environment is none of this machine.
    """
    import yaml

    if name not in names(workspace):
        fix = nearest(name, names(workspace), otherwise=f"there are {', '.join(names(workspace))}")
        raise CommandError(thing="workflow", value=repr(name), rule="is not in .github/workflows", fix=fix)
    if not isinstance(environment.target, EmbeddedCloud):
        fix = "name one that lives on the embedded cloud, such as local"
        raise CommandError(thing="environment", value=repr(environment.name), rule="is real", fix=fix)
    document = yaml.safe_load((workspace.root / WORKFLOWS / f"{name}.yml").read_text())
    folder = workspace.home / "workflows" / name
    folder.mkdir(parents=True, exist_ok=True)
    for file in folder.glob("*.md"):
        file.unlink()
    with recorder() as api:
        variables = _variables(workspace, folder, api) | _command(folder, program)
        context = _context(document, environment.name, event)
        rehearsal = _Rehearsal(document, workspace, folder, variables, context, progress)
        rehearsal.run()
        told = tuple(_written(folder, api))
    return WorkflowOutcome(workflow=name, environment=environment.name, steps=tuple(rehearsal.outcomes), told=told)


def _variables(workspace: Workspace, folder: Path, api: Recorder) -> dict[str, str]:
    """What GitHub's runner would have put there."""
    return child_environment() | {
        "GROUNDPLAN_HOME": str(workspace.home),
        "GITHUB_ACTIONS": "true",
        "GITHUB_API_URL": api.url,
        "GITHUB_REPOSITORY": "rehearsed/here",
        "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
    }


def _command(folder: Path, program: Sequence[str]) -> dict[str, str]:
    """What the set-up would have put there: our command, on the PATH."""
    file = folder / "bin" / "groundplan"
    file.parent.mkdir(exist_ok=True)
    file.write_text(f'#!/bin/sh\nexec {shlex.join(program)} "$@"\n')
    file.chmod(0o755)
    return {"PATH": os.pathsep.join((str(file.parent), child_environment().get("PATH", os.defpath)))}


def _context(document: Mapping[Any, Any], environment: str, event: Event) -> dict[str, Any]:
    # YAML 1.1 takes the key `on` for true.
    events = document.get("on", document.get(True)) or {}
    declared = [one.get("inputs") or {} for one in events.values() if isinstance(one, dict)]
    inputs = {name: one.get("default", "") for each in declared for name, one in each.items()}
    pull_request = {
        "base": {"sha": event.base},
        "head": {"repo": {"full_name": "rehearsed/here"}},
        "labels": [{"name": label} for label in event.labels],
    }
    return {
        "inputs": inputs | event.inputs | {"environment": environment},
        "github": {"token": "rehearsal", "event": {"number": 1, "pull_request": pull_request}},
        "needs": {},
    }


def _written(folder: Path, api: Recorder) -> Iterator[Path]:
    for kind, kept in (("comment", api.comments), ("issue", api.issues)):
        for number, one in kept.items():
            file = folder / f"{kind}-{number}.md"
            file.write_text(one["body"])
            yield file
    if (summary := folder / "summary.md").exists():
        yield summary


def _listed(needs: str | list[str]) -> list[str]:
    return [needs] if isinstance(needs, str) else needs
