"""The environments that workflows name on GitHub: the commands that make them, and whether they ask anybody.

GitHub makes an environment that a workflow names by itself, and asks nobody before a job enters it.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from ci.finding import Finding
from ci.patience import PATIENCE_SECONDS
from infra.spec import AwsAccount, Environment, GithubSpec


@dataclass(frozen=True)
class GithubApi:
    """Where GitHub is asked, and by whose token."""

    url: str
    token: str


def gates(environment: Environment) -> tuple[str, ...]:
    """Return the names of an environment's environments on GitHub: that of its deploys, and that of its previews."""
    return (environment.name, *(f"{environment.name}-preview" for _ in environment.previews))


def commands(environment: Environment) -> tuple[str, ...]:
    """Return what to paste into a shell, or nothing where no workflow deploys it or it is no account's."""
    return tuple(
        command
        for github in _repositories(environment)
        for gate in gates(environment)
        for command in _commands(github, gate, of_branch=gate == environment.name)
    )


def check_gates(environment: Environment, api: GithubApi | None) -> list[Finding]:
    """Ask GitHub whether somebody approves what enters each; without a token nobody is asked."""
    if api is None:
        return []

    def check(github: GithubSpec, gate: str) -> Finding:
        return _check(api, github, gate, _commands(github, gate, of_branch=gate == environment.name))

    asked = [(github, gate) for github in _repositories(environment) for gate in gates(environment)]
    with ThreadPoolExecutor() as pool:
        return list(pool.map(lambda one: check(*one), asked))


def _repositories(environment: Environment) -> Sequence[GithubSpec]:
    return environment.repositories if isinstance(environment.target, AwsAccount) else ()


def _commands(github: GithubSpec, gate: str, *, of_branch: bool) -> tuple[str, ...]:
    place = f"repos/{github.repository}/environments/{gate}"
    # Whoever pastes it approves; others are added by their numbers, or as [type]=Team.
    make = f"gh api -X PUT {place} -F 'reviewers[][type]=User' -F \"reviewers[][id]=$(gh api user --jq .id)\""
    # A preview is deployed from its pull request, which is on no branch of ours.
    if not of_branch:
        return (make,)
    policy = "deployment_branch_policy"
    make += f" -F '{policy}[protected_branches]=false' -F '{policy}[custom_branch_policies]=true'"
    return make, f"gh api -X POST {place}/deployment-branch-policies -f name={github.branch}"


def _check(api: GithubApi, github: GithubSpec, gate: str, make: Sequence[str]) -> Finding:
    import httpx

    place = f"{api.url}/repos/{github.repository}/environments/{gate}"
    headers = {"Authorization": f"Bearer {api.token}", "Accept": "application/vnd.github+json"}
    try:
        answer = httpx.get(place, headers=headers, timeout=PATIENCE_SECONDS)
    except httpx.HTTPError as error:
        return Finding(check="approvals", state="warn", told=f"{place}: {error}", fix="look at the way to GitHub")
    fix = " && ".join(make)
    if answer.status_code == httpx.codes.NOT_FOUND:
        told = f"{github.repository} has no environment {gate!r} on GitHub that this token may see"
        return Finding(check="approvals", state="warn", told=told, fix=fix)
    if answer.is_error:
        told, token = f"{place} was answered {answer.status_code}", "use a token that may read the repository's Actions"
        return Finding(check="approvals", state="warn", told=told, fix=token)
    rules = answer.json().get("protection_rules", [])
    if not any(rule["type"] == "required_reviewers" for rule in rules):
        told = f"GitHub's environment {gate!r} asks nobody: a job that names it enters without an approval"
        return Finding(check="approvals", state="warn", told=told, fix=fix)
    return Finding(check="approvals", state="ok", told=f"GitHub asks before a job enters {gate!r}")
