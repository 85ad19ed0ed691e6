"""checkov, in an environment of its own: it pins a hundred distributions, and not to the versions that we pin."""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ci.child_environment import child_environment
from ci.errors import CommandError
from ci.own_environment import python_of
from ci.workspace import Workspace

LOCK = "requirements-policy.lock"


@dataclass(frozen=True)
class Finding:
    """A check that an element of a stack does not pass. `source` is the element as its stack's JSON has it."""

    check: str
    title: str
    resource: str
    source: str


@dataclass(frozen=True)
class Scan:
    """What checkov said: how many checks passed, and those that did not."""

    passed: int
    findings: tuple[Finding, ...]


def scan(files: Sequence[Path], workspace: Workspace) -> Scan:
    """Let checkov read the stacks in `files`. It is offline: what it would download are its maker's own rules."""
    python = python_of(workspace, LOCK, "checkov")
    # Named by what it is, for plain `terraform` finds nothing in JSON and says nothing.
    arguments = ["--framework", "terraform_json", "--skip-download", "--output", "json", "--quiet"]
    # By file: its report of a second `--directory` holds all of the first once more.
    places = ["--file", *map(str, files)]
    answer = subprocess.run(
        [python, "-m", "checkov.main", *places, *arguments],
        env=child_environment({"CHECKOV_RUN_SCA_PACKAGE_SCAN_V2": "false"}, forget=("AWS_", "BC_", "PRISMA_")),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        report = json.loads(answer.stdout)
        failed, summary = report["results"]["failed_checks"], report["summary"]
        passed, unread = int(summary["passed"]), int(summary["parsing_errors"])
    except (ValueError, KeyError, TypeError) as error:
        said = (answer.stderr or answer.stdout).strip().splitlines()
        value = said[-1] if said else f"exit status {answer.returncode}"
        fix = f"look at it with: {python} -m checkov.main {' '.join(places)} {' '.join(arguments)}"
        raise CommandError(thing="checkov", value=value, rule="is no report", fix=fix) from error
    if unread:
        value = f"{unread} of {len(files)} stacks"
        raise CommandError(thing="checkov", value=value, rule="cannot be read", fix="synthesize again")
    return Scan(passed, tuple(_finding(record) for record in failed))


def _finding(record: dict[str, Any]) -> Finding:
    source = "".join(line for _, line in record["code_block"])
    return Finding(record["check_id"], record["check_name"], record["resource"], source)
