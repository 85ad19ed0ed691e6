"""Which tags reach what: every taggable resource of a stack, and whatever AWS launches on its behalf.

A provider's default tags end at the resource. Machines, volumes and network interfaces that an Auto Scaling group, a
launch template or Batch starts later carry only what is written for them, and the bill is made of those.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ci.manifest import Stack
from ci.result import Result

LAUNCHED = ("instance", "volume", "network-interface")
# Types that start machines in a way that nobody has taught this file: they would slip through uncounted.
UNKNOWN_LAUNCHERS = {
    *("aws_ec2_fleet", "aws_ecs_service", "aws_eks_node_group", "aws_emr_cluster", "aws_instance"),
    *("aws_launch_configuration", "aws_spot_fleet_request", "aws_spot_instance_request"),
}

# Cloud Control takes any resource as JSON: no default tag reaches it, so its own must be written there.
CLOUD_CONTROL = "aws_cloudcontrolapi_resource"
UNTAGGABLE = {"AWS::IoT::AccountAuditConfiguration"}
# Not parsed as JSON: expressions of Terraform may stand in it, with quotes of their own.
PAIR = re.compile(r'"Key": "([^"]+)", "Value": "([^"]*)"')

Document = Mapping[str, Any]
Tags = Mapping[str, str]


@dataclass(frozen=True)
class Carrier:
    """Something that must carry the tags: a resource (`launched` is empty), or what that resource launches."""

    stack: str
    address: str
    launched: str
    tags: Tags

    def __str__(self) -> str:
        what = f" → {self.launched}" if self.launched else ""
        return f"{self.stack} {self.address}{what}"


class TagCoverage(Result):
    """How many carriers there are, how many carry every tag, and what the others lack."""

    environment: str
    resources: int
    launched: int
    tagged: int
    gaps: dict[str, str]

    @property
    def percent(self) -> float:
        """The share that carries every tag."""
        return 100 * self.tagged / max(1, self.resources + self.launched)


def tag_coverage(environment: str, stacks: tuple[Stack, ...], expected: Tags) -> TagCoverage:
    """Compare what reaches each carrier with `expected`; see `gap` for which values may differ."""
    found = [carrier for stack in stacks for carrier in carriers(stack.id, stack.document)]
    gaps = {str(carrier): missing for carrier in found if (missing := gap(carrier, expected))}
    launched = sum(1 for carrier in found if carrier.launched)
    return TagCoverage(
        environment=environment,
        resources=len(found) - launched,
        launched=launched,
        tagged=len(found) - len(gaps),
        gaps=gaps,
    )


def gap(carrier: Carrier, expected: Tags) -> str:
    """Say what a carrier lacks, or nothing. Its component and model are its own; all else is the environment's."""
    absent = [key for key in expected if not carrier.tags.get(key)]
    own = {"component", "model"}
    wrong = [
        f"{key}={carrier.tags[key]}"
        for key, value in expected.items()
        if key not in own and carrier.tags.get(key, value) != value
    ]
    return "; ".join([f"no {key}" for key in absent] + [f"wrong {pair}" for pair in wrong])


def carriers(stack: str, document: Document) -> Iterator[Carrier]:
    """Yield all that a stack's Terraform JSON must tag, with the tags that reach it."""
    declared: Mapping[str, Mapping[str, Any]] = document.get("resource", {})
    for kind, named in declared.items():
        if kind in UNKNOWN_LAUNCHERS:
            raise NotImplementedError(f"{stack} {kind}: teach ci/tag_coverage.py what it launches")
        for name, block in named.items():
            address, default = f"{kind}.{name}", _default_tags(document, block.get("provider", "aws"))
            if kind == "aws_autoscaling_group":
                yield from _group(stack, address, block, declared)
                continue
            if kind == CLOUD_CONTROL:
                if block["type_name"] not in UNTAGGABLE:
                    written = dict(PAIR.findall(str(block["desired_state"])))
                    yield Carrier(stack, address, "", written)
            elif taggable(kind):
                yield Carrier(stack, address, "", {**default, **block.get("tags", {})})
            yield from _launched(stack, address, kind, block, declared, default)


def _launched(
    stack: str, address: str, kind: str, block: Document, declared: Document, default: Tags
) -> Iterator[Carrier]:
    if kind == "aws_launch_template":
        for launched in LAUNCHED:
            yield Carrier(stack, address, launched, _specified(block, launched))
    elif kind == "aws_batch_compute_environment":
        machines = block.get("compute_resources", {})
        if not machines.get("type", "EC2").startswith("FARGATE"):
            template = _template(machines.get("launch_template"), declared)
            for launched in LAUNCHED:
                yield Carrier(stack, address, launched, _specified(template, launched))
    elif kind == "aws_batch_job_definition":
        passed_on = {**default, **block.get("tags", {})} if block.get("propagate_tags") is True else {}
        yield Carrier(stack, address, "task", passed_on)


def _group(stack: str, address: str, block: Document, declared: Document) -> Iterator[Carrier]:
    """An Auto Scaling group has no `tags`: its `tag` blocks say for each whether instances get it too."""
    tags = block.get("tag", ())
    yield Carrier(stack, address, "", {tag["key"]: tag["value"] for tag in tags})
    at_launch = {tag["key"]: tag["value"] for tag in tags if tag.get("propagate_at_launch") is True}
    yield Carrier(stack, address, "instance", at_launch)
    mixed = block.get("mixed_instances_policy", {}).get("launch_template", {}).get("launch_template_specification")
    template = _template(block.get("launch_template") or mixed, declared)
    # An instance would get the template's tags too; volumes and interfaces get no others.
    for launched in LAUNCHED[1:]:
        yield Carrier(stack, address, launched, _specified(template, launched))


def _template(reference: Document | None, declared: Document) -> Document:
    """The launch template that is referred to by `${aws_launch_template.NAME.id}`, or an empty one."""
    for value in (reference or {}).values():
        if found := re.search(r"aws_launch_template\.(\w+)\.", str(value)):
            template: Document = declared.get("aws_launch_template", {}).get(found[1], {})
            return template
    return {}


def _specified(template: Document, launched: str) -> Tags:
    return {
        key: value
        for specification in template.get("tag_specifications", ())
        if specification["resource_type"] == launched
        for key, value in specification["tags"].items()
    }


def _default_tags(document: Document, called: str) -> Tags:
    """The tags of the provider that a resource is made with: `aws`, or `aws.ALIAS`."""
    alias = called.partition(".")[2]
    providers = document.get("provider", {}).get("aws", ())
    provider: Document = next((one for one in providers if one.get("alias", "") == alias), {})
    return {key: value for block in provider.get("default_tags", ()) for key, value in block.get("tags", {}).items()}


@cache
def taggable(kind: str) -> bool:
    """Tell whether the provider's schema gives a type of resource tags. The bindings are generated from that schema."""
    package = find_spec("cdktf_cdktf_provider_aws")
    assert package is not None
    assert package.submodule_search_locations
    source = Path(package.submodule_search_locations[0]) / kind.removeprefix("aws_") / "__init__.py"
    return re.search(r"^ +tags_all: typing", source.read_text(), re.MULTILINE) is not None
