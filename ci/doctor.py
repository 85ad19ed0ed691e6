"""Looks for what would stop a deploy before it begins: this machine, credentials, state, roles, zones, types, quotas.

Every finding says how to mend it. Nothing is changed, and nothing waits for long: questions to AWS go side by side.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Literal

from ci.errors import CommandError, NoAnswerError
from ci.finding import Finding, State
from ci.github_gates import GithubApi, check_gates
from ci.machine_check import check_machine
from ci.offering_check import check_offerings
from ci.ownership_check import check_ownership
from ci.patience import PATIENCE_SECONDS
from ci.progress import QUIET, Progress
from ci.quota_check import check_quotas
from ci.result import Result
from ci.role_check import check_roles
from ci.site import Site
from ci.site_check import check_identity, check_locks, check_state, check_zones
from ci.workspace import Workspace
from infra.spec import EmbeddedCloud, Environment

Verdict = Literal["ready", "not ready"]
# All endpoints are asked at once, so the patience with one is about what all of them take at the most. An embedded
# cloud is a process on this machine: it is there or not, and on a busy machine it takes its time.
OF_EMBEDDED_SECONDS = 30.0


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


@dataclass(frozen=True)
class Question:
    """One thing to ask AWS about, the check that it is for, and what it means when AWS does not answer."""

    check: str
    about: str
    unanswered: State
    ask: Callable[[], Sequence[Finding]]


def _beyond(environment: Environment, workspace: Workspace, progress: Progress) -> Sequence[Finding]:
    from botocore.exceptions import BotoCoreError, ClientError

    identity = Question("credentials", "who we are", "fail", lambda: check_identity(site))
    patience = OF_EMBEDDED_SECONDS if isinstance(environment.target, EmbeddedCloud) else PATIENCE_SECONDS
    try:
        site = Site.of(environment, workspace, patience_seconds=patience)
        # Here, in one thread, a role is taken that the environment may name; without it nothing can be asked.
        site.client("sts")
    except NoAnswerError as error:
        return [_unanswered(identity, error)]
    except CommandError as error:
        return [Finding.of_error("cloud", error)]
    except (BotoCoreError, ClientError):
        return check_identity(site)
    progress.say("Asking AWS about state, roles, zones, instance types and quotas …")
    return _ask(identity, _questions(site))


def _questions(site: Site) -> list[Question]:
    asked = [
        Question("state", "the bucket of the state", "fail", partial(check_state, site)),
        Question("lock", "locks", "warn", partial(check_locks, site)),
        Question("workflows", "the roles of workflows", "warn", partial(check_roles, site)),
    ]
    for region in site.environment.regions:
        asked += [
            Question("zones", f"zones of {region.name}", "fail", partial(check_zones, site, region)),
            Question("types", f"instance types of {region.name}", "warn", partial(check_offerings, site, region)),
            Question("quotas", f"quotas of {region.name}", "warn", partial(check_quotas, site, region)),
        ]
    return asked


def _ask(identity: Question, questions: Sequence[Question]) -> list[Finding]:
    """Ask all at once: each question is a round trip or two. Answers are worth nothing to whom AWS does not take."""
    with ThreadPoolExecutor(len(questions) + 1, thread_name_prefix="doctor") as pool:
        (answered, who), *others = pool.map(_answer, (identity, *questions))
    if answered and any(finding.state == "fail" for finding in who):
        return [*who]
    return [*who, *(finding for _, findings in others for finding in findings)]


def _answer(question: Question) -> tuple[bool, Sequence[Finding]]:
    """Return whether AWS answered at all, and what is to be said of that."""
    from botocore.exceptions import BotoCoreError

    try:
        return True, question.ask()
    except (NoAnswerError, BotoCoreError) as error:
        return False, [_unanswered(question, error)]


def _unanswered(question: Question, error: Exception) -> Finding:
    told = f"could not ask about {question.about}: "
    if isinstance(error, NoAnswerError):
        told += f"{error.thing}: {error.value} {error.rule}"
        return Finding(check=question.check, state=question.unanswered, told=told, fix=error.fix)
    fix = "look at the credentials and at this machine's settings of AWS"
    return Finding(check=question.check, state=question.unanswered, told=f"{told}{error}", fix=fix)
