"""Where a workflow is rehearsed: its files with another environment's name in them, an event, and stubs for actions."""

import json
import re
import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

import environments
from ci.errors import CommandError
from ci.result import Result

WORKFLOWS = Path(".github/workflows")
REPOSITORY = "rehearsed/here"
FORK = "somebody/here"
LEFT_OUT = "left out in a rehearsal"
# A pull request's checkout is its merge commit on GitHub, and here it is not.
MERGED_INTO = "HEAD^1"
# What an action brings for those that a rehearsal's Docker (ci/workflow/docker.py) misses without: a builder of the
# job's own, which is a folder for its cache, and other machines' programs.
_BRINGS = {
    "docker/setup-buildx-action": 'echo "BUILDX_BUILDER=$(mktemp -d)" >> "$GITHUB_ENV"',
    "docker/setup-qemu-action": 'echo "REHEARSED_PLATFORMS=linux/arm64" >> "$GITHUB_ENV"',
}


class Event(Result):
    """What starts a rehearsed workflow: a pull request and its labels, a person with inputs, or the clock.

    Of a `repository_dispatch` the inputs are what its sender tells.

    `name` is one of the file's events, with an action after a dot where it has any: `pull_request.closed`. Without
    one it is the first of the file, or a person where there are inputs. The first of the labels is the one that was put
    on or taken away.
    """

    # The commit that the pull request would be merged into.
    base: str
    name: str = ""
    labels: tuple[str, ...] = ()
    inputs: dict[str, str] = Field(default_factory=dict)
    # The pull request's branch is in a stranger's repository.
    fork: bool = False
    # The pull request was closed before.
    closed: bool = False


@dataclass(frozen=True)
class Stage:
    """What act runs, by which event, and with which variables; the checkout has workflows alone."""

    folder: Path
    file: Path
    event: str
    variables: Mapping[str, str]

    @property
    def checkout(self) -> Path:
        """What each job gets a copy of."""
        return self.folder / "checkout"

    @property
    def told(self) -> Path:
        """The event as GitHub tells it."""
        return self.folder / "event.json"

    def stub(self, action: str) -> Path:
        """The folder of what stands for an action, by its owner and name."""
        return self.folder / "stubs" / (action if action in _BRINGS else "any")


def stage(
    name: str, environment: str, *, root: Path, folder: Path, event: Event, variables: Mapping[str, str]
) -> Stage:
    """Lay out in `folder` what act needs to run a workflow of the checkout `root` for `environment`.

    Raises `CommandError` where the workflow does not know such an event.
    """
    checkout = folder / "checkout"
    shutil.copytree(root / ".github", checkout / ".github")
    ours = dict.fromkeys((checkout / ".github" / "actions").glob("*"), "true")
    theirs = {folder / "stubs" / action: run for action, run in ({"any": "true"} | _BRINGS).items()}
    for action, run in (ours | theirs).items():
        action.mkdir(parents=True, exist_ok=True)
        (action / "action.yml").write_text(_stub(run.replace("mktemp", f"TMPDIR={shlex.quote(str(folder))} mktemp")))
    documents = {file: _document(file, environment) for file in (checkout / WORKFLOWS).glob("*.yml")}
    file, inputs = checkout / WORKFLOWS / f"{name}.yml", event.inputs | {"environment": environment}
    if "workflow_call" in documents[file]["on"]:
        calls = {"uses": f"./{WORKFLOWS}/{name}.yml", "with": inputs}
        file = file.with_name(f"calls-{name}.yml")
        documents[file] = {"on": {"workflow_dispatch": {}}, "jobs": {name: calls}}
    for place, document in documents.items():
        place.write_text(json.dumps(document).replace(json.dumps(MERGED_INTO), json.dumps(event.base)))
    kind, action_name = _event(name, event, documents[file]["on"])
    made = Stage(folder, file, kind, variables)
    made.told.write_text(json.dumps(_told(action_name, event, inputs)))
    return made


def _stub(run: str) -> str:
    """Stands for an action, our own set-up too: what it would set up is what runs the rehearsal."""
    step = {"name": LEFT_OUT, "run": run, "shell": "bash"}
    return json.dumps({"name": "stub", "runs": {"using": "composite", "steps": [step]}})


def _document(file: Path, environment: str) -> dict[str, Any]:
    """A workflow as data, with one environment in the place of all that it names."""
    import yaml

    document: dict[Any, Any] = yaml.safe_load(file.read_text())
    # YAML 1.1 takes the key `on` for true.
    on = document.pop(True, None) or document.pop("on")
    events = on if isinstance(on, dict) else dict.fromkeys([on] if isinstance(on, str) else on)
    renamed: dict[str, Any] = _renamed({"on": events, **document}, environment)
    return renamed


def _renamed(value: Any, environment: str) -> Any:
    """The same with `environment` for each name of one: alone, as all of a list, or in an expression."""
    known = environments.names()
    if isinstance(value, dict):
        # Jobs bear such names too.
        return {key: one if key == "needs" else _renamed(one, environment) for key, one in value.items()}
    if isinstance(value, list):
        return (
            [environment]
            if value and set(map(str, value)) <= set(known)
            else [_renamed(one, environment) for one in value]
        )
    if not isinstance(value, str):
        return value
    return environment if value in known else re.sub(rf"'(?:{'|'.join(known)})'", f"'{environment}'", value)


def _event(name: str, event: Event, events: Mapping[str, Any]) -> tuple[str, str]:
    by_person = bool(event.inputs) and "workflow_dispatch" in events
    kind, _, action = (event.name or ("workflow_dispatch" if by_person else next(iter(events)))).partition(".")
    if kind not in events:
        fix = f"it has {', '.join(events)}"
        raise CommandError(thing=f"workflow {name!r}", value=repr(kind), rule="is none of its events", fix=fix)
    declared = events[kind]
    types = declared.get("types") if isinstance(declared, dict) else None
    return kind, action or (types or ["opened"])[0]


def _told(action: str, event: Event, inputs: Mapping[str, str]) -> dict[str, Any]:
    kept = event.labels[1:] if action == "unlabeled" else event.labels
    pull_request = {
        "base": {"sha": event.base},
        "head": {"repo": {"full_name": FORK if event.fork else REPOSITORY}},
        "labels": [{"name": name} for name in kept],
        "state": "closed" if event.closed or action == "closed" else "open",
    }
    asked = {"inputs": inputs, "repository": {"full_name": REPOSITORY}, "client_payload": inputs}
    changed = {"label": {"name": event.labels[0]}} if event.labels and action in ("labeled", "unlabeled") else {}
    return {"action": action, "number": 1, "pull_request": pull_request} | asked | changed


def programs(folder: Path, root: Path, called: Mapping[str, Sequence[str]]) -> Path:
    """Write what steps call by those names; return the folder that goes before the PATH.

    Each runs in the checkout, and what it tells for the job's summary is kept in `folder`.
    """
    place = folder / "bin"
    place.mkdir(exist_ok=True)
    summary = shlex.quote(str(folder / "summary.md"))
    for name, words in called.items():
        run = f'cd {shlex.quote(str(root))} && {shlex.join(words)} "$@"'
        text = f'#!/bin/sh\n{run}\ncode=$?\ncat "$GITHUB_STEP_SUMMARY" >> {summary}\nexit $code\n'
        (place / name).write_text(text)
        (place / name).chmod(0o755)
    return place
