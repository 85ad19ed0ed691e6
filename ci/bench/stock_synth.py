"""``python -m ci.bench.stock_synth FOLDER``: all four environments, with the toolkit as it ships.

The bindings' own ``__init__``, a Node without hooks, all checks of arguments, and addresses by the toolkit's own way:
a method of the stack in Python.
"""

import contextlib
import importlib
import re
import sys
from typing import Any

import environments
from infra import binding_checks, bindings


def main(outdir: str) -> None:
    """Write the same stacks as ours."""
    bindings.NODE_HOOKS.clear()
    vars(binding_checks)["cheap_checks"] = contextlib.nullcontext
    del sys.modules[bindings.PROVIDER]
    importlib.import_module(bindings.PROVIDER)

    import jsii

    import app
    from infra.toolkit import Stack

    Stack._allocate_logical_id = jsii.member(jsii_name="allocateLogicalId")(_logical_id)  # type: ignore[assignment,method-assign]
    app.synthesize(environments.names(), outdir)


def _logical_id(stack: Any, element: Any) -> str:
    from cdktf import TerraformResource
    from constructs import Node

    # Every property is a message to Node and back: each is read once.
    parts = (element if isinstance(element, Node) else element.node).path.split("/")[1:]
    kind = type(element).TF_RESOURCE_TYPE if isinstance(element, TerraformResource) else ""  # type: ignore[attr-defined]
    if len(parts) > 1 and kind.endswith(parts[-1].replace("-", "_")):
        parts.pop()
    return re.sub(r"\W+", "_", "_".join(parts))


if __name__ == "__main__":
    main(sys.argv[1])
