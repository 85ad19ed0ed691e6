"""What stacks will hand to those after them, once deployed: the way one plan spans stacks that do not exist yet.

A stack reads another's outputs out of that one's state. Where a deploy would change those outputs, or make them, the
reader is planned with what they will be: the values that the other's plan knows, and for the rest a value that
Terraform itself takes for unknown until it is applied, of any type. So nothing is left out and nothing is made up.
"""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ci.manifest import Stack

# Terraform cannot know what uuid() will give before it applies, so neither what that would be decoded.
UNKNOWN = "${jsondecode(uuid())}"
READER = "terraform_remote_state"

# Output → what it will be, as Terraform's JSON takes it.
Handed = Mapping[str, Any]


def all_unknown(stack: Stack) -> Handed:
    """Return what a stack hands on that was never deployed."""
    return dict.fromkeys(stack.document.get("output", {}), UNKNOWN)


def of_plan(document: Mapping[str, Any]) -> Handed:
    """Return what a planned stack will hand on; `document` is what `terraform show -json` says of the plan."""
    return {
        name: _value(change.get("after"), change.get("after_unknown", False))
        for name, change in document.get("output_changes", {}).items()
        if change["actions"] != ["delete"]
    }


def with_inputs(stack: Stack, handed: Mapping[str, Handed], stacks: Mapping[str, Stack], folder: Path) -> Stack:
    """Return `stack` as it is to be planned, below `folder`: what `handed` tells stands in it, other states are read.

    It shares the providers and the backend that `terraform init` set up for the stack itself.
    """
    keys = {backend.key: values for name, values in handed.items() if (backend := stacks[name].backend)}
    readers: dict[str, Any] = stack.document.get("data", {}).get(READER, {})
    known = {name: keys[key] for name, block in readers.items() if (key := block["config"]["key"]) in keys}
    text = json.dumps(stack.document)
    for name in known:
        text = text.replace(f"data.{READER}.{name}.outputs.", f"local.{name}.")
    document = json.loads(text)
    document["locals"] = document.get("locals", {}) | known
    # Terraform takes no empty blocks.
    data = document.pop("data") | {READER: {name: block for name, block in readers.items() if name not in known}}
    if data := {kind: blocks for kind, blocks in data.items() if blocks}:
        document["data"] = data
    place = folder / stack.id
    place.mkdir(parents=True)
    (place / "cdk.tf.json").write_text(json.dumps(document))
    (place / ".terraform").symlink_to(stack.folder / ".terraform")
    if (lock := stack.folder / ".terraform.lock.hcl").exists():
        shutil.copy(lock, place)
    return Stack(stack.id, place, stack.dependencies)


def _value(after: Any, unknown: Any) -> Any:
    """A known value as Terraform's JSON takes it literally, with an unknown one wherever `unknown` says so."""
    if unknown is True:
        return UNKNOWN
    if isinstance(after, dict):
        names = {*after, *(unknown or ())}
        return {name: _value(after.get(name), unknown.get(name, False) if unknown else False) for name in sorted(names)}
    if isinstance(after, list):
        return [_value(one, unknown[at] if unknown else False) for at, one in enumerate(after)]
    return after.replace("${", "$${").replace("%{", "%%{") if isinstance(after, str) else after
