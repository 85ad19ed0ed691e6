"""Who GitHub says that a workflow is, against the repository that an environment's roles were made for.

AWS refuses a stranger without a reason. So the job looks into the token that it would show, before it shows it.
"""

import json
import re
from base64 import urlsafe_b64decode
from contextlib import suppress

from ci.errors import CommandError
from infra.spec import AwsAccount, Environment

AUDIENCE = "sts.amazonaws.com"
# GitHub's default subject, with the numbers of a repository that was made or renamed since 15 July 2026.
_DEFAULT = re.compile(r"repo:([^/@:]+)(?:@(\d+))?/([^/@:]+)(?:@(\d+))?:")


def issued_subject(url: str, token: str) -> str | None:
    """Return the subject of the token that GitHub issues for this job, or None where it issues none."""
    import httpx

    # Whatever is wrong there, the sign-in that follows asks again and tells it.
    with suppress(httpx.HTTPError, KeyError, IndexError, ValueError):
        answer = httpx.get(f"{url}&audience={AUDIENCE}", headers={"Authorization": f"Bearer {token}"}, timeout=30)
        claims = answer.raise_for_status().json()["value"].split(".")[1]
        return str(json.loads(urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["sub"])
    return None


def check_subject(environment: Environment, subject: str) -> None:
    """Raise `CommandError` where the roles of an environment trust another repository than that of `subject`."""
    if not isinstance(environment.target, AwsAccount):
        return
    for github in environment.repositories:
        if not subject.startswith(github.subject("")):
            raise CommandError(
                thing=f"environment {environment.name!r}",
                value=github.subject("…"),
                rule=f"is whom its roles trust, and GitHub calls this workflow {subject}",
                fix=_fix(environment.name, github.repository, subject),
            )


def _fix(environment: str, repository: str, subject: str) -> str:
    found = _DEFAULT.match(subject)
    if found is None:
        place = f"repos/{repository}/actions/oidc/customization/sub"
        return f"let GitHub write its default: gh api -X PUT {place} -F use_default=true"
    owner, owner_id, name, repository_id = found.groups()
    numbers = (
        f"owner_id='{owner_id}', repository_id='{repository_id}'" if owner_id else "without owner_id and repository_id"
    )
    spec = f"GithubSpec(repository='{owner}/{name}', {numbers})"
    return f"write github={spec} in environments/{environment}.py, then: groundplan bootstrap {environment}"
