"""The review: findings of checkov against the reasons beside the resources, and the rules for IAM."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from ci.errors import WorkError
from ci.policy.elements import Element, elements
from ci.policy.permissions import broad_permissions
from ci.policy.scanner import Finding, scan
from ci.result import Result
from ci.synthesis import synthesize, synthesize_bootstrap
from ci.workspace import Workspace
from infra.spec import Environment

PATH = re.compile(r'"path": "([^"]+)"')


class Judged(Result):
    """A check that an element does not pass; `reason` says why that is right, if something does."""

    stack: str
    address: str
    check: str
    title: str
    reason: str | None = None


class PolicyResult(Result):
    """What the review found. `stale` are skips that nothing needs, `permissions` policies that allow too much."""

    environment: str
    stacks: int
    resources: int
    passed: int
    skipped: tuple[Judged, ...]
    failed: tuple[Judged, ...]
    stale: tuple[Judged, ...]
    permissions: tuple[str, ...]

    def check(self) -> None:
        """Raise unless all is well."""
        details = [f"{one.stack} {one.address}: {one.check} {one.title}" for one in self.failed]
        details += [f"{one.stack} {one.address}: {one.check} is skipped, and passes" for one in self.stale]
        details += self.permissions
        if details:
            raise WorkError(
                thing=f"environment {self.environment!r}",
                value=f"{len(details)} findings",
                rule="are neither mended nor explained",
                fix="mend them, or give the reason beside the resource: skip_check(resource, CKV_…='…')",
                details=details,
            )


def review(environment: Environment, workspace: Workspace) -> PolicyResult:
    """Synthesize `environment` with what it stands on, and review its stacks."""
    stacks = (*synthesize(environment, workspace), synthesize_bootstrap(environment, workspace))
    return review_files(environment.name, [stack.file for stack in stacks], workspace)


def review_files(environment: str, files: Sequence[Path], workspace: Workspace) -> PolicyResult:
    """Review the stacks in `files`."""
    found = {element.path: element for element in elements(files)}
    scanned = scan(files, workspace)
    judged = [_judge(finding, found) for finding in scanned.findings]
    used = {(one.stack, one.address, one.check) for one in judged}
    return PolicyResult(
        environment=environment,
        stacks=len({element.stack for element in found.values()}),
        resources=sum(not element.address.startswith("data.") for element in found.values()),
        passed=scanned.passed,
        skipped=tuple(one for one in judged if one.reason),
        failed=tuple(one for one in judged if not one.reason),
        stale=tuple(
            Judged(stack=element.stack, address=element.address, check=check, title="", reason=reason)
            for element in found.values()
            for check, reason in element.skipped.items()
            if (element.stack, element.address, check) not in used
        ),
        permissions=tuple(broad_permissions(found.values())),
    )


def _judge(finding: Finding, found: Mapping[str, Element]) -> Judged:
    """Find the element by its path, for checkov names some by their name without their type."""
    place = PATH.search(finding.source)
    element = found.get(place[1]) if place else None
    if element is None:
        return Judged(stack="", address=finding.resource, check=finding.check, title=finding.title)
    return Judged(
        stack=element.stack,
        address=element.address,
        check=finding.check,
        title=finding.title,
        reason=element.skipped.get(finding.check),
    )
