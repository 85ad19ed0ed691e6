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


def test_a_subject_bears_both_numbers_or_neither() -> None:
    old = GithubSpec(repository="acme/models")
    assert old.subject("pull_request") == "repo:acme/models:pull_request"
    new = GithubSpec(repository="acme/models", owner_id="12", repository_id="345")
    assert new.subject("environment:dev") == "repo:acme@12/models@345:environment:dev"
    assert new.takers("dev")["plan"].subjects[1] == "repo:acme@12/models@345:ref:refs/heads/main"
    for given, other in (("owner_id", "repository_id"), ("repository_id", "owner_id")):
        with pytest.raises(SpecError, match=f"{given}='12' is given without {other}; give both, or neither"):
            GithubSpec(repository="acme/models", **{given: "12"})
        with pytest.raises(SpecError, match=f"{given}='acme' is not of the form .*number, in quotes: gh api"):
            GithubSpec(repository="acme/models", **{given: "acme", other: "1"})
