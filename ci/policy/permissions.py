"""Rules for every policy in the stacks, of roles and of resources: no `*` action, and no `*` resource without need."""

import csv
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from ci.policy.elements import Element

TABLE = Path(__file__).with_name("actions_on_everything.csv")

# A key's policy stands on the key: its "*" is that key alone, and its first statement hands the key to the account's
# IAM, as AWS's own default does. https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
KEYS = {"aws_kms_key", "aws_kms_replica_key", "aws_kms_key_policy"}

# A policy of an endpoint grants nothing: it bounds what callers may do through it by their own policies. So a wide
# statement is fine in it, as long as a condition or a list of resources makes it a bound.
# https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-access.html
BOUNDS = {"aws_vpc_endpoint"}

# Where a policy's ARN makes it a boundary: what a role may do at most, by its other policies.
BOUNDARY, POLICY = "permissions_boundary", re.compile(r"\$\{(aws_iam_policy\.\w+)\.arn\}")

# Whoever may see alarms by narrower resources is shown none of those over several alarms.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html
ELSE_HIDDEN = {"cloudwatch:DescribeAlarmHistory", "cloudwatch:DescribeAlarms"}

Statement = Mapping[str, Any]


@cache
def actions_on_everything() -> frozenset[str]:
    """Return the actions for which AWS knows no narrower resource than "*"; the table names the source of each."""
    with TABLE.open() as file:
        return frozenset(row["action"] for row in csv.DictReader(file))


def broad_permissions(found: Iterable[Element]) -> Iterator[str]:
    """Yield a sentence for each statement that allows more than it must."""
    found = list(found)
    boundaries = _boundaries(found)
    for element in found:
        if (element.stack, element.address) in boundaries:
            continue
        kind = element.address.split(".")[0]
        for statement in statements(element.arguments):
            if kind in BOUNDS and _bounds(statement):
                continue
            for problem in _problems(statement, of_key=kind in KEYS):
                yield f"{element.stack} {element.address}: {problem}"


def _boundaries(found: Iterable[Element]) -> set[tuple[str, str]]:
    """Return the policies that bound roles and are attached to nothing: such a policy grants nothing by itself.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
    """
    bounding: set[tuple[str, str]] = set()
    granting: set[tuple[str, str]] = set()
    for element in found:
        for name, value in element.arguments.items():
            for address in POLICY.findall(json.dumps(value)):
                (bounding if name == BOUNDARY else granting).add((element.stack, address))
    return bounding - granting


def statements(arguments: object) -> Iterator[Statement]:
    """Yield the statements of every policy anywhere in an element's arguments, whatever the argument is called."""
    if isinstance(arguments, Mapping):
        for value in arguments.values():
            yield from statements(value)
    elif isinstance(arguments, list):
        for value in arguments:
            yield from statements(value)
    elif isinstance(arguments, str) and '"Statement"' in arguments:
        try:
            whole = json.loads(arguments)
        except ValueError:
            return
        yield from _listed(whole["Statement"]) if isinstance(whole, Mapping) else ()


def _problems(statement: Statement, *, of_key: bool) -> Iterator[str]:
    if statement["Effect"] != "Allow":
        return
    for inverted in ("NotAction", "NotResource", "NotPrincipal"):
        if inverted in statement:
            yield f"{inverted} allows what nobody has thought of yet"
    actions = [str(action) for action in _listed(statement.get("Action", ()))]
    principal = statement.get("Principal", {})
    by_account = of_key and isinstance(principal, Mapping) and str(principal.get("AWS", "")).endswith(":root")
    for action in actions:
        if action == "*" or (action.endswith(":*") and not by_account):
            yield f"allows the action {action!r}"
    if principal in ("*", {"AWS": "*"}) and not statement.get("Condition"):
        yield "allows anybody"
    if not of_key and any(_is_everything(str(resource)) for resource in _listed(statement.get("Resource", ()))):
        for action in sorted(set(actions) - actions_on_everything() - ELSE_HIDDEN):
            yield f"allows {action!r} on every resource, though AWS knows narrower ones for it"


def _bounds(statement: Statement) -> bool:
    resources = [str(resource) for resource in _listed(statement.get("Resource", "*"))]
    return bool(statement.get("Condition")) or not any(map(_is_everything, resources))


def _is_everything(resource: str) -> bool:
    """Tell whether a resource is `*`, or an ARN that leaves account and name open."""
    if resource == "*":
        return True
    parts = resource.split(":", 5)
    return len(parts) == 6 and parts[5].strip("*/") == "" and parts[4] in ("", "*")


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]
