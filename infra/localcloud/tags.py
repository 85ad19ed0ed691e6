"""Tags of resources that this layer answers for: kept by ARN, read back everywhere."""

from collections.abc import Iterable

from infra.localcloud.operations import Context, Payload


def tags_of(context: Context, arn: str) -> dict[str, str]:
    """The tags of a resource, to read and to change in place."""
    return context.notes("Tags").setdefault(arn, {})


def from_pairs(pairs: Iterable[Payload] | None) -> dict[str, str]:
    """[{"Key": …, "Value": …}] → {key: value}."""
    return {pair["Key"]: pair["Value"] for pair in pairs or ()}


def to_pairs(tags: dict[str, str]) -> list[Payload]:
    """{key: value} → [{"Key": …, "Value": …}]."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def untag(tags: dict[str, str], keys: Iterable[str]) -> None:
    """Remove the keys that are there."""
    for key in keys:
        tags.pop(key, None)
