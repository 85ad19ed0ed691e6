"""AWS operations that this cloud answers itself, or amends after moto has answered.

One small function is one AWS operation. Requests and answers are the dictionaries that boto3 shows; `gateway.py` turns
them from and into the wire format of the service's own protocol, with botocore's service models.

    @operation("budgets", "DescribeBudget")
    def describe_budget(params: Payload, context: Context) -> Payload: ...

    @after("ec2", "DescribeLaunchTemplateVersions")
    def read_tag_specifications_back(params: Payload, answer: Payload, context: Context) -> Payload: ...
"""

from collections.abc import Callable
from dataclasses import dataclass

from infra.localcloud.cloud import Cloud, Payload

__all__ = ["AwsError", "Cloud", "Context", "Payload", "after", "operation"]


class AwsError(Exception):
    """An error as AWS reports it; serialised as the service's protocol demands."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


@dataclass(frozen=True)
class Context:
    """Who asks, where, and the way to moto's own answer.

    `forward(None)` sends the request on as it came, `forward(params)` with other parameters; an error answer of moto
    is raised as `AwsError`.
    """

    cloud: Cloud
    service: str
    region: str
    account: str
    forward: Callable[[Payload | None], Payload]

    def resources(self, kind: str) -> dict[str, Payload]:
        """The caller's table of one kind of resource of this service, id → body; it shows in the inventory."""
        return self.cloud.resources(self.service, kind, account=self.account, region=self.region)

    def notes(self, kind: str) -> dict[str, Payload]:
        """The caller's table of what moto forgets about its own resources of this service."""
        return self.cloud.notes(self.service, kind, account=self.account, region=self.region)

    def arn(self, resource: str) -> str:
        """`arn:aws:<service>:<region>:<account>:<resource>`."""
        return f"arn:aws:{self.service}:{self.region}:{self.account}:{resource}"


Operation = Callable[[Payload, Context], Payload]
Amendment = Callable[[Payload, Payload, Context], Payload]

_operations: dict[tuple[str, str], Operation] = {}
_amendments: dict[tuple[str, str], list[Amendment]] = {}


def operation(service: str, action: str) -> Callable[[Operation], Operation]:
    """Answer `action` of `service` (botocore's names) with the decorated function instead of moto."""

    def register(function: Operation) -> Operation:
        if (service, action) in _operations:
            taken = _operations[service, action]
            raise ValueError(f"{service} {action} is already answered by {taken.__module__}.{taken.__qualname__}")
        _operations[service, action] = function
        return function

    return register


def after(service: str, action: str) -> Callable[[Amendment], Amendment]:
    """Let the decorated function amend the answer to `action`; several run in the order of registration."""

    def register(function: Amendment) -> Amendment:
        _amendments.setdefault((service, action), []).append(function)
        return function

    return register


def find_operation(service: str, action: str) -> Operation | None:
    """The function that answers, or None where moto does."""
    return _operations.get((service, action))


def find_amendments(service: str, action: str) -> list[Amendment]:
    """The functions that amend the answer, in order."""
    return _amendments.get((service, action), [])


def known_services() -> frozenset[str]:
    """Services with at least one operation or amendment."""
    return frozenset(service for service, _ in (*_operations, *_amendments))
