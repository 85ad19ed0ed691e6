"""A version's number for people: what changed against the last approved one decides which part of it grows.

Another schema (of requests or answers) → major: clients must change. Other data, another recipe (of training or
optimization) or other code → minor: answers will differ. The same of all three, made again → patch.
"""

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FIRST = (1, 0, 0)
MAJOR, MINOR, PATCH = range(3)


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What a version came from, each as a short text that is equal where the thing is."""

    schema: str
    data: str
    recipe: str
    code: str


def origin(content: Path) -> Origin:
    """Read what the content of a bundle came from."""
    signature, run, report = (
        json.loads((content / f"{name}.json").read_text()) for name in ("signature", "run", "report")
    )
    return Origin(
        schema=_short(signature),
        data=run["data"]["version"],
        recipe=_short([run["recipe"], report.get("optimization")]),
        code=run["git"] or "unknown",
    )


def following(approved: tuple[str, Origin] | None, new: Origin, taken: Collection[str]) -> str:
    """Return the number of what came from `new`, after the last approved one; none that is `taken` is given again."""
    if approved is None:
        parts, grows = list(FIRST), PATCH
    else:
        parts, grows = [int(part) for part in approved[0].split(".")], _changed(approved[1], new)
        parts = [*parts[:grows], parts[grows] + 1, *[0] * (PATCH - grows)]
    while (number := ".".join(map(str, parts))) in taken:
        parts[grows] += 1
    return number


def _changed(before: Origin, new: Origin) -> int:
    if before.schema != new.schema:
        return MAJOR
    return PATCH if before == new else MINOR


def _short(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]
