"""A repository is named so exactly that no other one is meant."""

import pytest

from infra.spec import GithubSpec, SpecError


@pytest.mark.parametrize(
    "repository", ["acme", "acme/*", "*/models", "acme/models:ref", "https://github.com/acme/models"]
)
def test_a_repository_has_an_owner_and_no_wildcard(repository: str) -> None:
    with pytest.raises(SpecError, match="is not of the form that it must have; give 'owner/name', without wildcards"):
        GithubSpec(repository=repository)


def test_a_branch_has_no_wildcard() -> None:
    with pytest.raises(SpecError, match=r"branch='release/\*' is not of the form"):
        GithubSpec(repository="acme/models", branch="release/*")
