"""Whether an environment on AWS is its owner's: neither what the blueprint ships with, nor what another one has."""

import re
from collections.abc import Iterable, Iterator

import environments
from ci.finding import Finding
from ci.result import Result
from infra.spec import AwsAccount, Environment, NetworkSpec, RegionSpec, SpecError

# One digit twelve times, `example/…`, `example-…`, `…example.com`: nobody's account, repository, bucket or address.
_PLACEHOLDER = re.compile(r"(\d)\1{11}|\bexample(/|-|\.com\b)")


class Listed(Result):
    """Environments by name."""

    environments: tuple[str, ...]


def listed(*, owned: bool = False, previews: bool = False, only: str = "") -> Listed:
    """Return the environments that have a file, or at most `only` one; raise `SpecError` where that has none.

    `owned` are those whose workflows have an account to go to, which is not the blueprint's; `previews` those that
    pull requests get previews of.
    """
    wanted = (environments.load(only),) if only else tuple(map(environments.load, environments.names()))
    return Listed(
        environments=tuple(
            one.name for one in wanted if (_is_owned(one) or not owned) and (one.preview or not previews)
        )
    )


def _is_owned(environment: Environment) -> bool:
    is_theirs = not _PLACEHOLDER.search(environment.account_id)
    return isinstance(environment.target, AwsAccount) and bool(environment.repositories) and is_theirs


def check_ownership(environment: Environment) -> list[Finding]:
    """Look for placeholders, and for what another environment has too; an embedded cloud can be anybody's."""
    if not isinstance(environment.target, AwsAccount):
        return []
    return [*_placeholders(environment), *_shared(environment, _others(environment.name))]


def _placeholders(environment: Environment) -> Iterator[Finding]:
    # Regions often share a word: what is written once is said once.
    told = dict.fromkeys(
        (field, f"{word.title}: {field}={text!r} is a placeholder of the blueprint")
        for word in environment.words()
        for field, value in word.__dict__.items()
        for text in (value if isinstance(value, tuple) else (value,))
        if isinstance(text, str) and _PLACEHOLDER.search(text)
    )
    for field, text in told:
        fix = f"write your own {field} in environments/{environment.name}.py"
        yield Finding(check="ownership", state="fail", told=text, fix=fix)


def _others(name: str) -> Iterator[Environment]:
    for other in environments.names():
        try:
            found = environments.load(other)
        except SpecError:
            continue  # Whoever works on that file hears of it.
        if other != name and isinstance(found.target, AwsAccount):
            yield found


def _shared(environment: Environment, others: Iterable[Environment]) -> Iterator[Finding]:
    file = f"environments/{environment.name}.py"
    for other in others:
        if environment.state.bucket == other.state.bucket:
            told = f"state: bucket={environment.state.bucket!r} is that of environment {other.name!r} too"
            fix = f"give state.bucket a name of its own in {file}, then: groundplan bootstrap {environment.name}"
            yield Finding(check="ownership", state="fail", told=told, fix=fix)
        for region, theirs in _overlaps(environment, other):
            told = (
                f"region {region.name!r}: cidr={region.network.cidr!r} overlaps cidr={theirs.network.cidr!r} "
                f"of {other.name!r} in {theirs.name!r}, so the two can never be joined"
            )
            fix = f"give the region a cidr of its own in {file} before its first deploy: it cannot be moved later"
            yield Finding(check="ownership", state="warn", told=told, fix=fix)


def _overlaps(one: Environment, other: Environment) -> Iterator[tuple[RegionSpec, RegionSpec]]:
    for region in one.regions:
        for theirs in other.regions:
            # A network that was brought is not ours to choose.
            if isinstance(region.network, NetworkSpec) and region.network.block.overlaps(theirs.network.block):
                yield region, theirs
