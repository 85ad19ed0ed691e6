"""Looks for what would stop a deploy before it begins: this machine, credentials, state, roles, zones, types, quotas.

Every finding says how to mend it. Nothing is changed, and nothing waits for long: questions to AWS go side by side.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Literal

from ci.errors import CommandError
from ci.finding import Finding
from ci.github_gates import GithubApi, check_gates
from ci.machine_check import check_machine
from ci.offering_check import check_offerings
from ci.ownership_check import check_ownership
from ci.progress import QUIET, Progress
from ci.quota_check import check_quotas
from ci.result import Result
from ci.role_check import check_roles
from ci.site import Site
from ci.site_check import check_identity, check_locks, check_state, check_zones
from ci.workspace import Workspace
from infra.spec import Environment

Verdict = Literal["ready", "not ready"]


class Diagnosis(Result):
    """All findings about one environment, those of this machine first; without an environment, those alone."""

    environment: str | None
    verdict: Verdict
    findings: tuple[Finding, ...]

    @property
    def failures(self) -> int:
        """How many of them would stop a deploy, or leave what it makes without use."""
        return sum(finding.state == "fail" for finding in self.findings)


def diagnose(
    environment: Environment | None,
    workspace: Workspace,
    *,
    github: GithubApi | None = None,
    progress: Progress = QUIET,
) -> Diagnosis:
    """Check this machine, then what `environment` says, then GitHub and the AWS that it lives on, where reached."""
    findings = list(check_machine(workspace))
    if environment:
        findings += [*check_ownership(environment), *check_gates(environment, github)]
        findings += _beyond(environment, workspace, progress)
    verdict: Verdict = "not ready" if any(finding.state == "fail" for finding in findings) else "ready"
    name = environment.name if environment else None
    return Diagnosis(environment=name, verdict=verdict, findings=tuple(findings))


def _beyond(environment: Environment, workspace: Workspace, progress: Progress) -> list[Finding]:
    try:
        site = Site.of(environment, workspace)
    except CommandError as error:
        return [Finding.of_error("cloud", error)]
    identity = check_identity(site)
    if any(finding.state == "fail" for finding in identity):
        return identity
    progress.say("Asking AWS about state, roles, zones, instance types and quotas …")
    return [*identity, *_ask(site)]


def _ask(site: Site) -> Iterable[Finding]:
    """Ask all at once: each question is a round trip or two."""
    regions = site.environment.regions
    questions: list[Callable[[], Sequence[Finding]]] = [
        partial(check_state, site),
        partial(check_locks, site),
        partial(check_roles, site),
        *(partial(check, site, region) for region in regions for check in (check_zones, check_offerings, check_quotas)),
    ]
    with ThreadPoolExecutor(len(questions), thread_name_prefix="doctor") as pool:
        for answer in [pool.submit(question) for question in questions]:
            yield from answer.result()
