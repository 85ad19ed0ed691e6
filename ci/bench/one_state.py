"""The floor of a deploy: all stacks as modules of one root, with one state, one provider, and no hand-over by state."""

import copy
import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ci.manifest import Stack

HANDED_OVER = re.compile(r"data\.terraform_remote_state\.([\w-]+)\.outputs\.([\w-]+)")


def write_root(stacks: Sequence[Stack], folder: Path) -> None:
    """Write a root below `folder` that makes what `stacks` make; their outputs go from module to module by hand."""
    first = stacks[0].document
    by_state = {stack.backend.key: stack.id for stack in stacks if stack.backend}
    root: dict[str, Any] = {"terraform": _requirements(first), "provider": first["provider"], "module": {}}
    for stack in stacks:
        module, inputs = _module(stack.document, by_state)
        place = folder / stack.id
        place.mkdir(parents=True)
        (place / "cdk.tf.json").write_text(json.dumps(module))
        if (stack.folder / "assets").is_dir():
            # Paths of files go from the root on, whichever module names them.
            shutil.copytree(stack.folder / "assets", folder / "assets", dirs_exist_ok=True)
        root["module"][stack.id] = {"source": f"./{stack.id}", **inputs}
    (folder / "main.tf.json").write_text(json.dumps(root))


def _requirements(document: dict[str, Any]) -> dict[str, Any]:
    return {"required_providers": document["terraform"]["required_providers"]}


def _module(document: dict[str, Any], by_state: dict[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return a stack as a module, and what its inputs are: other modules' outputs in place of other states'."""
    module = copy.deepcopy(document)
    module["terraform"] = _requirements(document)
    del module["provider"]
    others = module.get("data", {}).pop("terraform_remote_state", {})
    if not module.get("data"):
        # Terraform takes no empty block.
        module.pop("data", None)
    text = json.dumps(module)
    inputs = {
        f"{source}_{output}": f"${{module.{by_state[others[source]['config']['key']]}.{output}}}"
        for source, output in HANDED_OVER.findall(text)
    }
    module = json.loads(HANDED_OVER.sub(r"var.\1_\2", text))
    if inputs:
        module.setdefault("variable", {}).update({name: {} for name in inputs})
    return module, inputs
