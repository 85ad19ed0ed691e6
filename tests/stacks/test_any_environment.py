"""Whatever sound environment somebody writes: it synthesizes, its names fit and never collide, nor do its networks."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from itertools import combinations
from typing import Any

import cdktf
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from infra.spec import Environment
from infra.toolkit import Stack
from stacks.platform import build_platform
from tests.infra.unwritten import unwritten_app
from tests.stacks.any_spec import any_environment
from tests.stacks.aws_limits import LIMITS, names_in

# https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html
TAG_LONGEST = 256
TAG_MARKS = frozenset(" +-=._:/@")

Documents = Mapping[str, Mapping[str, Any]]


@dataclass
class Tried:
    """How much was put to the test."""

    environments: int = 0
    regions: int = 0
    resources: int = 0
    names: int = 0
    kinds: set[str] = field(default_factory=set)


def synthesized(environment: Environment) -> Documents:
    """The Terraform JSON of each stack, without a file being written."""
    app = unwritten_app()
    build_platform(app, environment)
    stacks = [child for child in app.node.children if isinstance(child, Stack)]
    return {stack.node.id: json.loads(cdktf.Testing.synth(stack)) for stack in stacks}


# As many again as it takes to have tried fifty: others than the first ten, by a seed of their own.
@pytest.mark.parametrize("specs", [10, pytest.param(40, marks=pytest.mark.slow)])
def test_any_sound_environment_can_be_built(specs: int, record_property: Callable[[str, object], None]) -> None:
    began, tried = time.monotonic(), Tried()

    @seed(specs)
    @settings(
        max_examples=specs,
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(any_environment())
    def check(environment: Environment) -> None:
        documents = synthesized(environment)
        _names_fit_and_are_alone(environment, documents, tried)
        _networks_are_apart(documents)
        _tags_are_taken(documents)
        _addresses_are_apart(documents)
        tried.environments += 1
        tried.regions += len(environment.regions)

    check()
    assert tried.environments >= specs
    told = f"{tried.environments} random environments, {tried.regions} regions, {tried.resources} resources of "
    told += f"{len(tried.kinds)} types, {tried.names} names, {time.monotonic() - began:.0f} s"
    record_property("figure", told)


def _names_fit_and_are_alone(environment: Environment, documents: Documents, tried: Tried) -> None:
    seen: dict[tuple[str, ...], str] = {}
    for stack, document in documents.items():
        provider, *_ = document["provider"]["aws"]
        for named in names_in(document):
            limit = LIMITS.get((named.kind, named.field))
            assert limit, f"{named.address} needs a line in tests/stacks/aws_limits.py"
            broken = limit.broken_by(named.name, named.field)
            assert broken is None, f"{stack} {named.address}: {named.name!r} {broken}"
            places = {"region": provider["region"], "owner": f"{stack} {named.address}"}
            place = places.get(limit.scope, limit.scope)
            key = (named.kind, place, named.name)
            assert key not in seen, f"{stack} {named.address} and {seen[key]} are both called {named.name!r}"
            seen[key] = f"{stack} {named.address}"
        blocks = document.get("resource", {})
        tried.resources += sum(map(len, blocks.values()))
        tried.kinds |= blocks.keys()
    tried.names += len(seen)


def _networks_are_apart(documents: Documents) -> None:
    vpcs: list[IPv4Network] = []
    for document in documents.values():
        resources = document.get("resource", {})
        own = [IPv4Network(vpc["cidr_block"]) for vpc in resources.get("aws_vpc", {}).values()]
        subnets = [IPv4Network(subnet["cidr_block"]) for subnet in resources.get("aws_subnet", {}).values()]
        assert not [pair for pair in combinations(subnets, 2) if pair[0].overlaps(pair[1])]
        assert all(16 <= subnet.prefixlen <= 28 for subnet in subnets), "AWS takes subnets of /16 to /28"
        assert all(any(subnet.subnet_of(vpc) for vpc in own) for subnet in subnets if own)
        vpcs += own
    assert not [pair for pair in combinations(vpcs, 2) if pair[0].overlaps(pair[1])]


def _tags_are_taken(documents: Documents) -> None:
    for stack, document in documents.items():
        for tags in _tags(document):
            for key, value in tags.items():
                if "${" not in str(value):
                    odd = {letter for letter in str(value) if not letter.isalnum()} - TAG_MARKS
                    assert not odd, f"{stack}: AWS refuses {sorted(odd)} in the tag {key}={value!r}"
                    assert len(str(value)) <= TAG_LONGEST, f"{stack} {key}"


def _tags(value: Any) -> Iterator[Mapping[str, Any]]:
    """Yield every mapping of tags, wherever it stands."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key == "tags" and isinstance(inner, Mapping):
                yield inner
            else:
                yield from _tags(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _tags(inner)


def _addresses_are_apart(documents: Documents) -> None:
    backends = [document["terraform"]["backend"]["s3"] for document in documents.values()]
    assert len({(backend["bucket"], backend["key"]) for backend in backends}) == len(documents)
