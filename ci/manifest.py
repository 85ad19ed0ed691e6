"""What synthesis leaves behind: the stacks of an environment, their order, and what each declares."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class S3Backend:
    """Where one stack's state lies."""

    bucket: str
    key: str
    region: str


@dataclass(frozen=True)
class Stack:
    """One Terraform state: its folder and the stacks whose outputs it reads."""

    id: str
    folder: Path
    dependencies: frozenset[str]

    @property
    def file(self) -> Path:
        """The Terraform JSON that synthesis wrote."""
        return self.folder / "cdk.tf.json"

    @cached_property
    def document(self) -> dict[str, Any]:
        """What stands in that file."""
        document: dict[str, Any] = json.loads(self.file.read_text())
        return document

    @property
    def types(self) -> dict[str, int]:
        """How many resources of each type it declares; a `count` that only Terraform can compute counts as one."""
        declared = self.document.get("resource", {})
        return {kind: sum(map(_copies, blocks.values())) for kind, blocks in sorted(declared.items())}

    @property
    def resources(self) -> int:
        """How many resources it declares."""
        return sum(self.types.values())

    @property
    def backend(self) -> S3Backend | None:
        """Where its state lies, or None when that is a file beside it."""
        settings = self.document.get("terraform", {}).get("backend", {}).get("s3")
        return S3Backend(settings["bucket"], settings["key"], settings["region"]) if settings else None


def read_stacks(folder: Path) -> tuple[Stack, ...]:
    """Return the stacks that a cdktf output folder holds, each after those that it depends on."""
    manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
    stacks = {
        name: Stack(name, folder / entry["workingDirectory"], frozenset(entry.get("dependencies", ())))
        for name, entry in manifest["stacks"].items()
    }
    return tuple(in_order(stacks))


def in_order(stacks: Mapping[str, Stack]) -> list[Stack]:
    """Sort stacks so that each comes after its dependencies; independent ones keep their order."""
    ordered: dict[str, Stack] = {}

    def place(stack: Stack) -> None:
        for name in sorted(stack.dependencies - ordered.keys()):
            place(stacks[name])
        ordered.setdefault(stack.id, stack)

    for stack in stacks.values():
        place(stack)
    return list(ordered.values())


def _copies(block: Mapping[str, Any]) -> int:
    count, each = block.get("count"), block.get("for_each")
    if isinstance(count, int):
        return count
    return len(each) if isinstance(each, dict | list) else 1
