"""IAM's decision over policies as the stacks have them: an explicit refusal, else what both role and boundary allow.

It knows the operators and elements that our policies use, and raises on any other, rather than guess.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

Statement = Mapping[str, Any]
KNOWN = {"Action", "Condition", "Effect", "NotAction", "NotResource", "Resource", "Sid"}


@dataclass(frozen=True)
class Request:
    """An action on a thing, with what IAM knows about both."""

    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)


def is_allowed(request: Request, identity: Sequence[Statement], boundary: Sequence[Statement]) -> bool:
    """Tell whether a role with these policies may do that under this boundary."""
    if any(_matches(request, one) for one in (*identity, *boundary) if one["Effect"] == "Deny"):
        return False
    return all(_allows(request, policy) for policy in (identity, boundary))


def _allows(request: Request, statements: Iterable[Statement]) -> bool:
    return any(_matches(request, one) for one in statements if one["Effect"] == "Allow")


def _matches(request: Request, statement: Statement) -> bool:
    if unknown := set(statement) - KNOWN:
        raise NotImplementedError(f"a statement with {unknown}")
    return (
        any(_like(request.action.lower(), one.lower()) for one in _listed(statement.get("Action", "*")))
        and not any(_like(request.action.lower(), one.lower()) for one in _listed(statement.get("NotAction", [])))
        and any(_like(request.resource, one) for one in _listed(statement.get("Resource", "*")))
        and not any(_like(request.resource, one) for one in _listed(statement.get("NotResource", [])))
        and all(_holds(request, *one) for one in statement.get("Condition", {}).items())
    )


def _holds(request: Request, operator: str, wanted: Mapping[str, Any]) -> bool:
    operators = {
        "Bool": lambda found, value: found.lower() == str(value).lower(),
        "StringEquals": lambda found, value: found == value,
        "StringLike": _like,
        "ArnLike": _like,
    }
    if operator == "Null":
        return all((key not in request.context) == (value == "true") for key, value in wanted.items())
    if operator == "StringNotEquals":
        return all(request.context.get(key) not in _listed(values) for key, values in wanted.items())
    # A key that the request does not have fails any other condition.
    return all(
        key in request.context and any(operators[operator](request.context[key], value) for value in _listed(values))
        for key, values in wanted.items()
    )


def _like(text: str, pattern: str) -> bool:
    """Match as IAM does: `*` and `?` are wild, brackets are plain letters."""
    return fnmatchcase(text, pattern.replace("[", "[[]"))


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]
