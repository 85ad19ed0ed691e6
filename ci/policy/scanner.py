"""checkov, in an environment of its own: it pins a hundred distributions, and not to the versions that we pin."""

import json
import subprocess
from collections.abc import Iterator, Sequence
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


def scan(folders: Sequence[Path], workspace: Workspace) -> Scan:
    """Let checkov read every stack below `folders`. It is offline: what it would download are its maker's own rules."""
    python = python_of(workspace, LOCK, "checkov")
    # Named by what it is, for plain `terraform` finds nothing in JSON and says nothing.
    arguments = ["--framework", "terraform_json", "--skip-download", "--output", "json", "--quiet"]
    places = [word for folder in folders for word in ("--directory", str(folder))]
    answer = subprocess.run(
        [python, "-m", "checkov.main", *places, *arguments],
        env=child_environment({"CHECKOV_RUN_SCA_PACKAGE_SCAN_V2": "false"}, forget=("AWS_", "BC_", "PRISMA_")),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        reports = list(_documents(answer.stdout))
        summaries = [report["summary"] for report in reports]
        failed = [record for report in reports for record in report["results"]["failed_checks"]]
        unread = sum(summary["parsing_errors"] for summary in summaries)
        passed = sum(summary["passed"] for summary in summaries)
    except (ValueError, KeyError, TypeError) as error:
        said = (answer.stderr or answer.stdout).strip().splitlines()
        value = said[-1] if said else f"exit status {answer.returncode}"
        fix = f"look at it with: {python} -m checkov.main {' '.join(places)} {' '.join(arguments)}"
        raise CommandError(thing="checkov", value=value, rule="is no report", fix=fix) from error
    if unread or len(reports) != len(folders):
        value = f"{unread} stacks of {len(reports)} of {len(folders)} folders"
        raise CommandError(thing="checkov", value=value, rule="cannot be read", fix="synthesize again")
    return Scan(passed, tuple(_finding(record) for record in failed))


def _documents(text: str) -> Iterator[Any]:
    """Yield the reports, which follow upon each other: one for each folder."""
    text = text.strip()
    while text:
        report, end = json.JSONDecoder().raw_decode(text)
        yield report
        text = text[end:].strip()


def _finding(record: dict[str, Any]) -> Finding:
    source = "".join(line for _, line in record["code_block"])
    return Finding(record["check_id"], record["check_name"], record["resource"], source)
