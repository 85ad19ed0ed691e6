"""The word for the repository whose workflows plan and deploy an environment."""

from typing import ClassVar, Literal

from pydantic import Field

from infra.spec.base import Spec


class GithubSpec(Spec):
    """A GitHub repository. Its workflows sign in by a token that GitHub issues for each run; no key is stored."""

    title: ClassVar[str] = "GitHub repository"

    repository: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}$", description="'owner/name', without wildcards"
    )
    branch: str = Field(
        default="main", pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,99}$", description="the branch that may be planned"
    )
    provider: Literal["made", "existing"] = Field(
        default="made", description="'made', or 'existing' where the account trusts GitHub already: it can only once"
    )
