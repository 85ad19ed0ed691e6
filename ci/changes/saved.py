"""Saved plans: what was reviewed is what is applied, while state and code are what they were.

A saved plan is a manifest and Terraform's plan of every stack. Its name is the hash of the manifest, and the manifest
has the hash of each plan in it, so that nothing in it can be changed without its name. It lies in the state bucket,
encrypted like the state, for a plan may hold secrets.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ci.changes import resource
from ci.errors import CommandError, StalePlanError
from ci.manifest import Stack
from ci.result import Result
from ci.site import Site
from ci.state import PLANS, StateStore

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MANIFEST = "manifest.json"
LEAST_LETTERS = 8
# What may turn out to be enough. The code says what is moved and imported, and is what it was.
LESSER = {"replace": ("update", "move", "import"), "update": ("move", "import")}


class SavedStack(Result):
    """One stack as it was planned: its code and its state then, and what was reviewed."""

    code: str
    state: str
    # SHA-256 of Terraform's plan, which is applied as it is where nothing that the stack reads changes before it.
    plan: str
    exact: bool
    # Whether there is anything to apply: an output may change where no resource does.
    applies: bool
    changes: tuple[str, ...]

    def objections(self, changes: Sequence[str]) -> list[str]:
        """Return what of `changes`, such as `update aws_x.y`, was not reviewed; what is less than that is fine."""
        reviewed = [line.partition(" ")[::2] for line in self.changes]
        lesser = {f"{less} {address}" for action, address in reviewed for less in LESSER.get(action, ())}
        return [change for change in changes if change not in {*self.changes, *lesser}]


class SavedPlan(Result):
    """All stacks of an environment as they were planned together."""

    environment: str
    made_at: datetime
    stacks: dict[str, SavedStack]

    @property
    def content(self) -> bytes:
        """The manifest as it is stored and hashed."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True).encode()

    @property
    def hash(self) -> str:
        """Its name."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def losses(self) -> dict[str, list[resource.ResourceChange]]:
        """Stack → what is replaced or destroyed in it with all that it holds."""
        return resource.lost({name: map(resource.of_line, stack.changes) for name, stack in self.stacks.items()})

    def check(self, stacks: Sequence[Stack], state: StateStore) -> None:
        """Raise `StalePlanError` with everything that is not as it was when the plan was made."""
        found = list(self._changed(stacks, state))
        if found:
            raise StalePlanError(
                thing=f"plan {self.hash[:LEAST_LETTERS]} of {self.environment!r}",
                value=f"made at {self.made_at:%Y-%m-%d %H:%M} UTC",
                rule="is not what a deploy would do any more: " + "; ".join(found),
                fix=f"plan again, and have that reviewed: groundplan plan {self.environment} --save",
            )

    def _changed(self, stacks: Sequence[Stack], state: StateStore) -> Iterator[str]:
        now = {stack.id: stack for stack in stacks}
        for name in sorted(now.keys() ^ self.stacks.keys()):
            yield f"{name} is {'new' if name in now else 'gone'}"
        for name in sorted(now.keys() & self.stacks.keys()):
            if code(now[name]) != self.stacks[name].code:
                yield f"the code of {name} changed"
            elif (is_now := state.version(now[name])) != self.stacks[name].state:
                yield f"the state of {name} changed from {self.stacks[name].state} to {is_now}"


def code(stack: Stack) -> str:
    """Return the hash of what a stack declares."""
    return hashlib.sha256(json.dumps(stack.document, sort_keys=True).encode()).hexdigest()


class PlanStore:
    """The saved plans of one environment."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._bucket = site.environment.state.bucket
        self._prefix = f"{site.name}{PLANS}"

    @property
    def _s3(self) -> "S3Client":
        client: S3Client = self._site.client("s3", self._site.environment.state.region)
        return client

    def save(self, plan: SavedPlan, files: Mapping[str, Path]) -> str:
        """Store a plan with Terraform's own plans of its stacks, and return its hash."""
        for stack, file in files.items():
            self._put(f"{plan.hash}/{stack}", file.read_bytes())
        # Last: what has a manifest is whole.
        self._put(f"{plan.hash}/{MANIFEST}", plan.content)
        return plan.hash

    def load(self, beginning: str, folder: Path) -> tuple[SavedPlan, dict[str, Path]]:
        """Return the plan whose hash begins so, with the files of its stacks put into `folder`.

        Raises `CommandError` where there is no such plan, or where it is not what its hash says.
        """
        name = self._named(beginning)
        content = self._get(f"{name}/{MANIFEST}")
        if hashlib.sha256(content).hexdigest() != name:
            raise self._doctored(name, MANIFEST)
        plan = SavedPlan.model_validate_json(content)
        files = {}
        for stack, saved in plan.stacks.items():
            body = self._get(f"{name}/{stack}")
            if hashlib.sha256(body).hexdigest() != saved.plan:
                raise self._doctored(name, stack)
            files[stack] = folder / f"{stack}.tfplan"
            files[stack].write_bytes(body)
        return plan, files

    def _named(self, beginning: str) -> str:
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=f"{self._prefix}{beginning}"
        )
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", ())]
        names = {key.removeprefix(self._prefix).partition("/")[0] for key in keys if key.endswith(f"/{MANIFEST}")}
        if len(names) != 1 or len(beginning) < LEAST_LETTERS:
            raise CommandError(
                thing=f"saved plan of {self._site.name!r}",
                value=repr(beginning),
                rule=f"is the beginning of {len(names)} hashes" if names else "is none",
                fix=f"take the hash that this printed: groundplan plan {self._site.name} --save",
            )
        return names.pop()

    def _doctored(self, name: str, part: str) -> CommandError:
        return StalePlanError(
            thing=f"plan {name[:LEAST_LETTERS]} of {self._site.name!r}",
            value=part,
            rule="is not what its hash says: somebody changed it",
            fix=f"find out who; then plan again: groundplan plan {self._site.name} --save",
        )

    def _put(self, key: str, body: bytes) -> None:
        self._s3.put_object(Bucket=self._bucket, Key=self._prefix + key, Body=body)

    def _get(self, key: str) -> bytes:
        return self._s3.get_object(Bucket=self._bucket, Key=self._prefix + key)["Body"].read()
