"""The environment of every program that the command starts: the user's own, less what would break it."""

import os
from collections.abc import Mapping

from ci.tools import find_node

# A user's habits for other projects: flags, another data folder or workspace, a configuration file that may be gone.
BREAKS_TERRAFORM = ("TF_CLI_ARGS", "TF_CLI_CONFIG_FILE", "TF_DATA_DIR", "TF_WORKSPACE", "TF_REATTACH_PROVIDERS")

QUIET_TOOLS = {
    "CHECKPOINT_DISABLE": "1",
    "DISABLE_VERSION_CHECK": "1",
    "TF_IN_AUTOMATION": "1",
    "TF_INPUT": "0",
    "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "20",
    "PYTHONUNBUFFERED": "1",
    "OMP_WAIT_POLICY": "passive",
}

# The AWS provider spends its short life building a schema: less garbage collection saves a quarter of its CPU time.
SHORT_LIVED_GO = "400"


def child_environment(extra: Mapping[str, str] | None = None, *, forget: tuple[str, ...] = ()) -> dict[str, str]:
    """Return a child's variables: the user's, less what breaks Terraform or begins with `forget`, plus `extra`."""
    dropped = (*BREAKS_TERRAFORM, *forget)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    kept.setdefault("GOGC", SHORT_LIVED_GO)
    if node := find_node():
        kept.setdefault("JSII_NODE", str(node))
    return kept | QUIET_TOOLS | dict(extra or {})


def user_folder(variable: str, otherwise: str) -> str:
    """Return a folder that the desktop standard lets a user move, such as XDG_DATA_HOME."""
    return os.environ.get(variable) or otherwise
