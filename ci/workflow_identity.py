"""Who GitHub says that a workflow is, against the repository that an environment's roles were made for.

AWS refuses a stranger without a reason. So the job looks into the token that it would show, before it shows it.
"""

import json
import re
from base64 import urlsafe_b64decode
from contextlib import suppress
from dataclasses import dataclass

from ci.errors import CommandError
from infra.spec import AwsAccount, Environment, GithubSpec

AUDIENCE = "sts.amazonaws.com"
# GitHub's default subject, with the numbers of a repository that was made or renamed since 15 July 2026.
_DEFAULT = re.compile(r"repo:([^/@:]+)(?:@(\d+))?/([^/@:]+)(?:@(\d+))?:")


@dataclass(frozen=True)
class Claims:
    """What GitHub says of a job that AWS asks for: what it calls it, and the branch or pull request that it runs on."""

    subject: str
    ref: str


def issued_claims(url: str, token: str) -> Claims | None:
    """Return what stands in the token that GitHub issues for this job, or None where it issues none."""
    import httpx

    # Whatever is wrong there, the sign-in that follows asks again and tells it.
    with suppress(httpx.HTTPError, KeyError, IndexError, ValueError):
        answer = httpx.get(f"{url}&audience={AUDIENCE}", headers={"Authorization": f"Bearer {token}"}, timeout=30)
        part = answer.raise_for_status().json()["value"].split(".")[1]
        claims = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        return Claims(claims["sub"], claims["ref"])
    return None


def check_claims(environment: Environment, claims: Claims) -> None:
    """Raise `CommandError` where no role of an environment trusts such a job: it is of another repository or branch."""
    if not isinstance(environment.target, AwsAccount):
        return
    for github in environment.repositories:
        if not claims.subject.startswith(github.subject("")):
            raise CommandError(
                thing=f"environment {environment.name!r}",
                value=github.subject("…"),
                rule=f"is whom its roles trust, and GitHub calls this workflow {claims.subject}",
                fix=_fix(environment.name, github.repository, claims.subject),
            )
        takers = github.takers(environment.name).values()
        if not any(claims.subject in one.subjects and one.ref in (None, claims.ref) for one in takers):
            raise CommandError(
                thing=f"environment {environment.name!r}",
                value=f"{claims.subject} on {claims.ref}",
                rule=f"may take none of its roles: they are for {github.ref} and for pull requests",
                fix=_fix_of_context(environment.name, github, claims),
            )


def _fix_of_context(environment: str, github: GithubSpec, claims: Claims) -> str:
    if claims.ref == github.ref:
        return f"name no environment of GitHub's but {environment!r} in the job; or {_default(github.repository)}"
    spec = f"the GithubSpec of environments/{environment}.py"
    return f"run it on {github.branch}; or write branch='…' in {spec}, then: groundplan bootstrap {environment}"


def _default(repository: str) -> str:
    place = f"repos/{repository}/actions/oidc/customization/sub"
    return f"let GitHub write its default: gh api -X PUT {place} -F use_default=true"


def _fix(environment: str, repository: str, subject: str) -> str:
    found = _DEFAULT.match(subject)
    if found is None:
        return _default(repository)
    owner, owner_id, name, repository_id = found.groups()
    numbers = (
        f"owner_id='{owner_id}', repository_id='{repository_id}'" if owner_id else "without owner_id and repository_id"
    )
    spec = f"GithubSpec(repository='{owner}/{name}', {numbers})"
    return f"write github={spec} in environments/{environment}.py, then: groundplan bootstrap {environment}"
