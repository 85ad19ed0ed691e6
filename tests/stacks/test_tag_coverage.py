"""All that can be tagged is, down to what AWS launches later; and without any one propagation this file is red."""

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import environments
from ci.tag_coverage import carriers, gap, taggable

Stacks = dict[str, dict[str, Any]]
KEYS = {"project", "environment", "owner", "cost_centre", "model", "component", "ttl"}
# A way that tags travel: the lists and mappings in a document through which they go, each with the key to take out.
Propagation = Callable[[dict[str, Any]], Iterator[tuple[Any, Any]]]


def gaps(stack: str, document: dict[str, Any]) -> list[str]:
    expected = environments.load(stack.split("-")[0]).tags("any")
    return [f"{one}: {lack}" for one in carriers(stack, document) if (lack := gap(one, expected))]


def declared(document: dict[str, Any], kind: str) -> Iterator[dict[str, Any]]:
    yield from document["resource"].get(kind, {}).values()


def default_tags(document: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    for provider in document["provider"]["aws"]:
        yield provider, "default_tags"
        yield from ((provider["default_tags"][0]["tags"], key) for key in sorted(KEYS))


def launch_template(document: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    for template in declared(document, "aws_launch_template"):
        for index, specification in enumerate(template["tag_specifications"]):
            yield template["tag_specifications"], index
            yield from ((specification["tags"], key) for key in sorted(KEYS))


def auto_scaling_group(document: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    for group in declared(document, "aws_autoscaling_group"):
        for index, tag in enumerate(group["tag"]):
            if tag["key"] in KEYS:
                yield group["tag"], index
                yield tag, "propagate_at_launch"


def compute_environment(document: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    for machines in declared(document, "aws_batch_compute_environment"):
        if not machines["compute_resources"]["type"].startswith("FARGATE"):
            yield machines["compute_resources"], "launch_template"


def job_definition(document: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    for definition in declared(document, "aws_batch_job_definition"):
        yield definition, "propagate_tags"


def cloud_control(document: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    for resource in declared(document, "aws_cloudcontrolapi_resource"):
        if '"Tags"' in resource["desired_state"]:
            yield resource, "desired_state"


def take_out(holder: Any, key: Any) -> None:
    """Remove what is under `key`; of a resource that is all JSON, its tags alone, or nothing would be left to tag."""
    if key == "desired_state":
        holder[key] = holder[key].replace('"Tags"', '"Text"').replace('"Key"', '"Word"')
    else:
        del holder[key]


PROPAGATIONS = [default_tags, launch_template, auto_scaling_group, compute_environment, job_definition, cloud_control]


def test_every_taggable_resource_and_all_that_it_launches_is_tagged(all_stacks: Stacks) -> None:
    found = [carrier for stack, document in all_stacks.items() for carrier in carriers(stack, document)]
    lacking = [line for stack, document in all_stacks.items() for line in gaps(stack, document)]
    launched = [carrier for carrier in found if carrier.launched]
    print(f"tag coverage: {len(found) - len(lacking)} of {len(found)}, {len(launched)} of them launched by others")
    assert not lacking
    assert launched


@pytest.mark.parametrize("way", PROPAGATIONS, ids=lambda way: way.__name__)
def test_without_any_one_propagation_the_check_fails(all_stacks: Stacks, way: Propagation) -> None:
    tried, unnoticed = 0, []
    for stack, document in all_stacks.items():
        # A stack of AWS's own objects alone, none of them taggable, has nothing that could miss a tag.
        if not any(True for _ in carriers(stack, document)):
            continue
        for index in range(len(list(way(document)))):
            mutant = copy.deepcopy(document)
            holder, key = list(way(mutant))[index]
            take_out(holder, key)
            tried += 1
            if not gaps(stack, mutant):
                unnoticed.append(f"{stack}: {way.__name__} without {key!r}")
    print(f"{way.__name__}: {tried} propagations taken out, {tried - len(unnoticed)} noticed")
    assert not unnoticed
    uses = any(True for document in all_stacks.values() for _ in way(document))
    assert tried or not uses


def test_a_wrong_value_is_a_gap_too(stacks: Stacks) -> None:
    document = copy.deepcopy(stacks["prod-us-east-1-pools"])
    template = next(declared(document, "aws_launch_template"))
    template["tag_specifications"][0]["tags"]["environment"] = "dev"
    assert "wrong environment=dev" in " ".join(gaps("prod-us-east-1-pools", document))


def test_tags_are_the_seven_that_the_bill_is_split_by() -> None:
    for name in environments.names():
        assert set(environments.load(name).tags("any")) == KEYS


def test_a_launcher_that_nobody_looked_into_is_an_error() -> None:
    with pytest.raises(NotImplementedError, match="teach"):
        list(carriers("x", {"resource": {"aws_instance": {"one": {}}}}))


def test_the_provider_says_what_is_taggable() -> None:
    assert taggable("aws_s3_bucket")
    assert taggable("aws_budgets_budget")
    assert not taggable("aws_s3_bucket_policy")
