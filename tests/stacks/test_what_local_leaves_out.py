"""README's list of what `local` leaves out is complete: nothing else of the platform is missing on the laptop."""

import re
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import environments
from infra.spec import AwsAccount

README = Path(__file__).parents[2] / "README.md"
HEADING = "## What `local` leaves out"
Stacks = dict[str, dict[str, Any]]


def listed() -> list[str]:
    """The types, or patterns of types, that the list names in its first column."""
    section = README.read_text().split(HEADING, 1)[1].split("\n## ", 1)[0]
    rows = [line for line in section.splitlines() if line.startswith("| `aws_")]
    return [kind for row in rows for kind in re.findall(r"`(aws_[a-z0-9_*]+)`", row.split("|")[1])]


def left_out(stacks: Stacks) -> set[str]:
    """The types that an environment on AWS has and `local` has not."""
    on_aws = {name for name in environments.names() if isinstance(environments.load(name).target, AwsAccount)}
    kinds = {stack: set(content["resource"]) for stack, content in stacks.items()}
    theirs = {kind for stack, found in kinds.items() if stack.split("-")[0] in on_aws for kind in found}
    return theirs - {kind for stack, found in kinds.items() if stack.split("-")[0] not in on_aws for kind in found}


def test_the_list_names_every_type_that_local_has_not(stacks: Stacks) -> None:
    missing = {kind for kind in left_out(stacks) if not any(fnmatch(kind, pattern) for pattern in listed())}
    assert not missing, f"say in README.md under {HEADING!r} why local has none of these: {sorted(missing)}"


def test_the_list_names_nothing_that_local_has(stacks: Stacks) -> None:
    stale = [pattern for pattern in listed() if not any(fnmatch(kind, pattern) for kind in left_out(stacks))]
    assert not stale, f"local has these, or nobody has: {stale}"


def test_every_row_names_a_field_and_a_reason() -> None:
    section = README.read_text().split(HEADING, 1)[1].split("\n## ", 1)[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("| `aws_")]
    assert rows
    assert all(len(row) == 3 and "`" in row[1] and len(row[2].split()) > 3 for row in rows)
