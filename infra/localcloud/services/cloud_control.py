"""AWS Cloud Control API: resources by their CloudFormation type, for those that Terraform's provider has no word for.

Every type is a `Handler`, which asks the service that has the resource. What moto's CloudFormation says of types is
`DescribeType`, from which the provider learns what an update cannot change.
"""

import json
import time
import uuid
from dataclasses import dataclass
from typing import Any, Protocol

from infra.localcloud.operations import AwsError, Context, Payload, operation

SERVICE = "cloudcontrol"


class Handler(Protocol):
    """One resource type. `client` is boto3's, of the service that has it; a state is what CloudFormation takes."""

    service: str
    schema: Payload

    def create(self, state: Payload, client: Any) -> str:
        """Make it and return its identifier."""

    def read(self, identifier: str, client: Any) -> Payload | None:
        """Its state, or None when it is not there."""

    def update(self, identifier: str, state: Payload, client: Any) -> None:
        """Bring it to `state`."""

    def delete(self, identifier: str, client: Any) -> None:
        """End it."""


_handlers: dict[str, Handler] = {}


def register(handler: Handler) -> None:
    """Answer for the handler's type from now on."""
    _handlers[handler.schema["typeName"]] = handler


@dataclass(frozen=True)
class _Asked:
    """What a request is about."""

    handler: Handler
    client: Any
    identifier: str

    def state(self) -> Payload:
        """Its state; ResourceNotFoundException when it is not there."""
        found = self.handler.read(self.identifier, self.client)
        if found is None:
            kind = self.handler.schema["typeName"]
            raise AwsError("ResourceNotFoundException", f"Resource of type '{kind}' '{self.identifier}' was not found.")
        return found


@operation(SERVICE, "CreateResource")
def create_resource(params: Payload, context: Context) -> Payload:
    """Make a resource; it is there when the answer comes."""
    asked = _asked(params, context)
    state = json.loads(params["DesiredState"])
    (field,) = (path.rsplit("/", 1)[-1] for path in asked.handler.schema["primaryIdentifier"])
    if asked.handler.read(str(state.get(field, "")), asked.client) is not None:
        raise AwsError("AlreadyExistsException", f"Resource '{state[field]}' already exists.")
    return _progress(context, params, "CREATE", asked.handler.create(state, asked.client))


@operation(SERVICE, "GetResource")
def get_resource(params: Payload, context: Context) -> Payload:
    """The state of a resource, as JSON."""
    properties = json.dumps(_asked(params, context).state())
    description = {"Identifier": params["Identifier"], "Properties": properties}
    return {"TypeName": params["TypeName"], "ResourceDescription": description}


@operation(SERVICE, "UpdateResource")
def update_resource(params: Payload, context: Context) -> Payload:
    """Apply a JSON patch."""
    asked = _asked(params, context)
    state = patched(asked.state(), json.loads(params["PatchDocument"]))
    asked.handler.update(asked.identifier, state, asked.client)
    return _progress(context, params, "UPDATE", asked.identifier)


@operation(SERVICE, "DeleteResource")
def delete_resource(params: Payload, context: Context) -> Payload:
    """End a resource."""
    asked = _asked(params, context)
    asked.state()
    asked.handler.delete(asked.identifier, asked.client)
    return _progress(context, params, "DELETE", asked.identifier)


@operation(SERVICE, "GetResourceRequestStatus")
def get_request_status(params: Payload, context: Context) -> Payload:
    """What became of a request: all of them are done at once."""
    event = context.notes("Request").get(params["RequestToken"])
    if event is None:
        raise AwsError("RequestTokenNotFoundException", f"Request with token {params['RequestToken']} was not found.")
    return {"ProgressEvent": event}


@operation("cloudformation", "DescribeType")
def describe_type(params: Payload, context: Context) -> Payload:
    """The schema of a resource type that this layer knows."""
    handler = _handlers.get(params.get("TypeName", ""))
    if handler is None:
        raise AwsError("TypeNotFoundException", f"The type '{params.get('TypeName')}' cannot be found.", 404)
    kind = handler.schema["typeName"]
    arn = f"arn:aws:cloudformation:{context.region}::type/resource/{kind.replace('::', '-')}"
    known = {"Type": "RESOURCE", "TypeName": kind, "Arn": arn, "Visibility": "PUBLIC", "DeprecatedStatus": "LIVE"}
    return {**known, "ProvisioningType": "FULLY_MUTABLE", "Schema": json.dumps(handler.schema)}


def patched(state: Payload, patch: list[Payload]) -> Payload:
    """`state` after an RFC 6902 patch of add, replace and remove."""
    state = json.loads(json.dumps(state))
    for step in patch:
        *path, last = (part.replace("~1", "/").replace("~0", "~") for part in step["path"].split("/")[1:])
        inside: Any = state
        for part in path:
            inside = inside[int(part)] if isinstance(inside, list) else inside[part]
        key: Any = last
        if isinstance(inside, list):
            key = len(inside) if last == "-" else int(last)
        if step["op"] == "remove":
            del inside[key]
        elif step["op"] == "add" and isinstance(inside, list):
            inside.insert(key, step["value"])
        elif step["op"] in ("add", "replace"):
            inside[key] = step["value"]
        else:
            raise AwsError("InvalidRequestException", f"The patch operation '{step['op']}' is not supported here.")
    return state


def _asked(params: Payload, context: Context) -> _Asked:
    handler = _handlers.get(params["TypeName"])
    if handler is None:
        raise AwsError("UnsupportedActionException", f"Resource type {params['TypeName']} is not supported here.")
    client = context.cloud.client(handler.service, context.region)
    return _Asked(handler, client, params.get("Identifier", ""))


def _progress(context: Context, params: Payload, action: str, identifier: str) -> Payload:
    event: Payload = {
        "TypeName": params["TypeName"],
        "Identifier": identifier,
        "RequestToken": str(uuid.uuid4()),
        "Operation": action,
        "OperationStatus": "SUCCESS",
        "EventTime": time.time(),
    }
    context.notes("Request")[event["RequestToken"]] = event
    return {"ProgressEvent": event}
