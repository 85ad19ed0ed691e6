"""The elements of synthesized stacks, each with the checks that its author skips and why."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Element:
    """A resource, data source or provider of a stack; `path` is its place in the program, which no other has."""

    stack: str
    address: str
    path: str
    arguments: Mapping[str, Any]

    @property
    def skipped(self) -> Mapping[str, str]:
        """The checks that `skip_check` named for it, each with its reason."""
        found: Mapping[str, str] = self.arguments["//"].get("skipped_checks", {})
        return found


def elements(files: Iterable[Path]) -> Iterator[Element]:
    """Yield what the stacks in `files` hold, each of them the `cdk.tf.json` in its stack's folder."""
    for file in files:
        content = json.loads(file.read_text())
        for kind, prefix in (("resource", ""), ("data", "data.")):
            for type_, named in content.get(kind, {}).items():
                for name, arguments in named.items():
                    if "metadata" in arguments.get("//", {}):
                        path = arguments["//"]["metadata"]["path"]
                        yield Element(file.parent.name, f"{prefix}{type_}.{name}", path, arguments)
