"""Loads only those of the AWS provider's 1,500 bindings that are used, in Python and in Node.

Stock imports of a single resource take ten seconds and a gigabyte: the package's ``__init__`` imports every module, and
its Node side requires every file (hashicorp/terraform-cdk#3753). The output is the same, byte for byte.
"""

import importlib
import importlib.util
import os
import shutil
import sys
import threading
from collections.abc import Iterator, MutableMapping, Sequence
from contextlib import contextmanager, suppress
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import NoReturn

PROVIDER = "cdktf_cdktf_provider_aws"

# What Node runs before the toolkit: files beside this one.
NODE_HOOKS = ["addresses.cjs", "lazy_bindings.cjs"]
_SILENCE = "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION"


def load_bindings_lazily() -> None:
    """Register the provider's package without running its ``__init__``, and let Node start with our hooks.

    Submodules import as ever; Node starts with the first import of the toolkit, whoever imports it.
    """
    if "constructs" in sys.modules:
        _refuse(
            "import",
            "'cdktf'",
            rule="has started Node without Groundplan's hooks, so that addresses would have other names",
            fix="import infra before cdktf and constructs",
        )
    spec = importlib.util.find_spec(PROVIDER)
    if spec is None or spec.submodule_search_locations is None:
        # The words and the embedded cloud work without the toolkit; importing a binding says what is missing.
        return
    package = ModuleType(PROVIDER, "The AWS provider's bindings, without the imports of its __init__.")
    package.__spec__ = spec
    package.__file__ = spec.origin
    package.__path__ = list(spec.submodule_search_locations)
    sys.modules[PROVIDER] = package
    sys.meta_path.insert(0, _NodeStarter())


class _NodeStarter:
    """Finds the package whose import starts Node, for it comes first, and gives Node its hooks meanwhile."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != "constructs":
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is None or spec.loader is None:
            return spec
        run = spec.loader.exec_module

        def run_with_hooks(module: ModuleType) -> None:
            with hooked_node(os.environ):
                run(module)
            sys.meta_path.remove(self)

        spec.loader.exec_module = run_with_hooks  # type: ignore[method-assign]  # of this one loader
        return spec


@contextmanager
def hooked_node(environment: MutableMapping[str, str]) -> Iterator[None]:
    """Let a Node that starts meanwhile run our hooks; `environment` must be this process's, which jsii copies.

    The variables are put back at once: cdktf-cli and other children must not inherit them.
    """
    node = environment.get("JSII_NODE", "node")
    if shutil.which(node, path=environment.get("PATH")) is None:
        _refuse(
            "node",
            node,
            rule="is no program on this machine",
            fix="install Node.js 20 or newer, or point JSII_NODE at one",
        )
    before = {name: environment.get(name) for name in ("NODE_OPTIONS", _SILENCE)}
    hooks = [f'--require="{Path(__file__).with_name(hook)}"' for hook in NODE_HOOKS]
    environment["NODE_OPTIONS"] = " ".join([before["NODE_OPTIONS"] or "", *hooks]).strip()
    environment[_SILENCE] = "20"
    try:
        yield
    finally:
        for name, value in before.items():
            environment.pop(name, None)
            if value is not None:
                environment[name] = value


def start_node_meanwhile() -> None:
    """Let Node start while this thread does something else. What goes wrong is told by who needs it."""
    threading.Thread(target=_start_node, daemon=True).start()


def _start_node() -> None:
    with suppress(Exception):
        importlib.import_module("constructs")


def _refuse(thing: str, value: str, *, rule: str, fix: str) -> NoReturn:
    # Not at the top: the words take their time, in which Node can start.
    from infra.spec.errors import ToolkitError

    raise ToolkitError(thing=thing, value=value, rule=rule, fix=fix)
