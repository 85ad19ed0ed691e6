"""The word for the repository whose workflows plan and deploy an environment, and what GitHub calls them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import Field

from infra.spec.base import Spec
from infra.spec.errors import Problem

_NUMBER = r"^[1-9]\d{0,19}$"


@dataclass(frozen=True)
class Takers:
    """Who may take a role: workflows that GitHub calls so, and, with `ref`, only where they run on that branch."""

    subjects: tuple[str, ...]
    ref: str | None = None


class GithubSpec(Spec):
    """A GitHub repository. Its workflows sign in by a token that GitHub issues for each run; no key is stored."""

    title: ClassVar[str] = "GitHub repository"

    repository: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}$", description="'owner/name', without wildcards"
    )
    owner_id: str | None = Field(
        default=None,
        pattern=_NUMBER,
        description="the owner's number, in quotes: gh api repos/OWNER/NAME --jq .owner.id",
    )
    repository_id: str | None = Field(
        default=None,
        pattern=_NUMBER,
        description="the repository's number, in quotes: gh api repos/OWNER/NAME --jq .id",
    )
    branch: str = Field(
        default="main",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,99}$",
        description="the branch that may be planned, and that alone may be deployed",
    )
    provider: Literal["made", "existing"] = Field(
        default="made", description="'made', or 'existing' where the account trusts GitHub already: it can only once"
    )

    @property
    def ref(self) -> str:
        """What GitHub calls the branch."""
        return f"refs/heads/{self.branch}"

    def subject(self, context: str) -> str:
        """Return the subject of the tokens of workflows in `context`: `pull_request`, `environment:…`, or `ref:…`.

        It bears both numbers where a repository was made or renamed since 15 July 2026.
        https://docs.github.com/en/actions/reference/security/oidc#immutable-subject-claims
        """
        owner, name = self.repository.split("/")
        if self.owner_id and self.repository_id:
            owner, name = f"{owner}@{self.owner_id}", f"{name}@{self.repository_id}"
        return f"repo:{owner}/{name}:{context}"

    def takers(self, environment: str) -> Mapping[str, Takers]:
        """Return who may take each role of an environment, by what the role is for.

        GitHub's environment of that name asks for approvals; the branch is asked by AWS, for GitHub makes an
        environment that a workflow names without any rule. Previews are of pull requests, which have no branch of ours.
        """
        branch = self.subject(f"ref:{self.ref}")
        return {
            "plan": Takers((self.subject("pull_request"), branch)),
            "deploy": Takers((self.subject(f"environment:{environment}"),), self.ref),
            # The clock: nobody is there to approve at night.
            "reap": Takers((branch,)),
            "preview": Takers((self.subject(f"environment:{environment}-preview"), branch)),
        }

    def broken_rules(self) -> Iterator[Problem]:
        """A subject has both numbers or neither."""
        for given, other in (("owner_id", "repository_id"), ("repository_id", "owner_id")):
            if getattr(self, given) and not getattr(self, other):
                yield self.problem(given, f"is given without {other}", "give both, or neither")
