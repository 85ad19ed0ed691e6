"""What people call the things that cost money, and the tags that the bill will split them by."""

from collections.abc import Mapping
from typing import Any

from ci.estimate.declared import Declared, blocks

# Type → what people call it, and which word of its path in the program names it.
_PARTS = {
    "aws_autoscaling_group": ("cluster", 1),
    "aws_batch_compute_environment": ("pool", 2),
    "aws_sagemaker_endpoint_configuration": ("endpoint", 2),
}


def part(stack: str, declared: Declared) -> str:
    """Return the pool, cluster or endpoint that a resource is the machines of, with its region, or else its stack."""
    path = declared.block.get("//", {}).get("metadata", {}).get("path", "").split("/")
    word, at = _PARTS.get(declared.kind, ("", len(path)))
    inside = stack.partition("-")[2] or stack
    return f"{inside.rpartition('-')[0]} {word} {path[at]}".strip() if at < len(path) else inside


def tags(declared: Declared) -> dict[str, str]:
    """Return the tags of a resource: its provider's, and its own in their place."""
    found: dict[str, str] = {}
    for provider in blocks(declared.document.get("provider", {}).get("aws")):
        # One with an alias works in another account, and none of its resources is paid by the hour.
        if "alias" not in provider:
            for default in blocks(provider.get("default_tags")):
                found |= default["tags"]
    own: Mapping[str, Any] = declared.block.get("tags") or {}
    return found | {key: value for key, value in own.items() if key != "Name" and isinstance(value, str)}
