"""Loads only those of the AWS provider's 1,500 bindings that are used, in Python and in Node.

Stock imports of a single resource take ten seconds and a gigabyte: the package's ``__init__`` imports every module, and
its Node side requires every file (hashicorp/terraform-cdk#3753). The output is the same, byte for byte.
"""

import importlib
import importlib.util
import shutil
import sys
from collections.abc import MutableMapping
from pathlib import Path
from types import ModuleType

from infra.spec.errors import ToolkitError

PROVIDER = "cdktf_cdktf_provider_aws"
_HOOK = Path(__file__).with_name("lazy_bindings.cjs")
_SILENCE = "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION"


def load_bindings_lazily() -> None:
    """Register the provider's package without running its ``__init__``; its submodules import as ever."""
    if PROVIDER in sys.modules:
        return
    spec = importlib.util.find_spec(PROVIDER)
    if spec is None or spec.submodule_search_locations is None:
        # The words and the embedded cloud work without the toolkit; importing a binding says what is missing.
        return
    package = ModuleType(PROVIDER, "The AWS provider's bindings, without the imports of its __init__.")
    package.__spec__ = spec
    package.__file__ = spec.origin
    package.__path__ = list(spec.submodule_search_locations)
    sys.modules[PROVIDER] = package


def start_node(environment: MutableMapping[str, str]) -> None:
    """Start jsii's Node process with our hook; `environment` must be this process's, which jsii copies.

    The variables are put back at once: cdktf-cli and other children must not inherit them.
    """
    node = environment.get("JSII_NODE", "node")
    if shutil.which(node, path=environment.get("PATH")) is None:
        raise ToolkitError(
            thing="node",
            value=node,
            rule="is no program on this machine",
            fix="install Node.js 20 or newer, or point JSII_NODE at one",
        )
    before = {name: environment.get(name) for name in ("NODE_OPTIONS", _SILENCE)}
    environment["NODE_OPTIONS"] = f'{before["NODE_OPTIONS"] or ""} --require="{_HOOK}"'.strip()
    environment[_SILENCE] = "20"
    try:
        importlib.import_module("cdktf")
    finally:
        for name, value in before.items():
            environment.pop(name, None)
            if value is not None:
                environment[name] = value
