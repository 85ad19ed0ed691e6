"""The word for the GitLab project whose merge requests plan an environment."""

from typing import ClassVar, Literal

from pydantic import Field

from infra.spec.base import Spec


class GitlabSpec(Spec):
    """A GitLab project. Its pipelines sign in to plan, by a token that GitLab issues for each job; no key is stored."""

    title: ClassVar[str] = "GitLab project"

    project: str = Field(
        pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}(/[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}){1,20}$",
        description="'group/name', with its subgroups and without wildcards",
    )
    host: str = Field(
        default="gitlab.com",
        pattern=r"^[a-z0-9][a-z0-9-]{0,62}(\.[a-z0-9][a-z0-9-]{0,62}){1,9}$",
        description="where GitLab is, as 'gitlab.example.com'; AWS must reach it",
    )
    provider: Literal["made", "existing"] = Field(
        default="made", description="'made', or 'existing' where the account trusts it already: it can only once"
    )
