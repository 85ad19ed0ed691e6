"""The environments that workflows name on GitHub, as commands that make them, for whoever administers the repository.

GitHub makes an environment that a workflow names by itself, and asks nobody before a job enters it.
"""

from collections.abc import Iterator

from infra.spec import AwsAccount, Environment


def gates(environment: Environment) -> tuple[str, ...]:
    """Return the names of an environment's environments on GitHub: that of its deploys, and that of its previews."""
    return (environment.name, *(f"{environment.name}-preview" for _ in environment.previews))


def commands(environment: Environment) -> tuple[str, ...]:
    """Return what to paste into a shell, or nothing where no workflow deploys it or it is no account's."""
    return tuple(_commands(environment)) if isinstance(environment.target, AwsAccount) else ()


def _commands(environment: Environment) -> Iterator[str]:
    for github in environment.repositories:
        for gate in gates(environment):
            place = f"repos/{github.repository}/environments/{gate}"
            # Whoever pastes it approves; others are added by their numbers, or as [type]=Team.
            asks = "-F 'reviewers[][type]=User' -F \"reviewers[][id]=$(gh api user --jq .id)\""
            if gate == environment.name:
                one = "deployment_branch_policy"
                asks += f" -F '{one}[protected_branches]=false' -F '{one}[custom_branch_policies]=true'"
            yield f"gh api -X PUT {place} {asks}"
            # A preview is deployed from its pull request, which is on no branch of ours.
            if gate == environment.name:
                yield f"gh api -X POST {place}/deployment-branch-policies -f name={github.branch}"
