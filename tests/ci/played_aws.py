"""AWS's answers as a test wrote them down, behind real clients: no call leaves the machine, and none waits."""

from collections.abc import Callable, Mapping
from typing import Any, cast

import boto3
from botocore.awsrequest import AWSResponse
from botocore.validate import validate_parameters

from ci.site import Site
from ci.workspace import Workspace
from infra.spec import Environment
from tests.ci.conftest import REPOSITORY

HOME = "us-east-1"
Answer = Mapping[str, Any] | str | Exception | Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""What AWS says: the answer itself, an error's code, what is raised instead, or what is made of the question."""
DENIED = "AccessDeniedException"


def played(service: str, answers: Mapping[str, Answer], *, region: str = HOME) -> Any:
    """Return a client of `service` that knows the operations of `answers`; they must be of the shape that AWS's are."""
    client: Any = boto3.client(  # type: ignore[call-overload]
        service, region_name=region, aws_access_key_id="test", aws_secret_access_key="test"
    )

    def ask(params: Mapping[str, Any], context: dict[str, Any], **_: object) -> None:
        context["asked"] = params

    def answer(model: Any, context: dict[str, Any], **_: object) -> tuple[AWSResponse, Mapping[str, Any]]:
        found = answers[model.name]
        if isinstance(found, Exception):
            raise found
        if isinstance(found, str):
            told = {"Error": {"Code": found, "Message": f"{model.name} was refused"}}
            return _response(403 if "Denied" in found else 400), told | _META
        shape = dict(found(context["asked"]) if callable(found) else found)
        validate_parameters({key: value for key, value in shape.items() if key not in _META}, model.output_shape)
        return _response(200), _META | shape

    client.meta.events.register("provide-client-params", ask)
    client.meta.events.register("before-call", answer)
    return client


_META: Mapping[str, Any] = {"ResponseMetadata": {"HTTPHeaders": {}}}


def _response(status: int) -> AWSResponse:
    return cast(AWSResponse, AWSResponse("", status, {}, None))  # type: ignore[arg-type]


def site_of(environment: Environment, **services: Mapping[str, Answer]) -> Site:
    """Return an account's site where each of `services` (with `_` for `-`) answers so, in every region."""
    site = Site(environment, Workspace(root=REPOSITORY), None)
    for name, answers in services.items():
        service = name.replace("_", "-")
        for region in (HOME, *(one.name for one in environment.regions)):
            site._clients[service, region] = played(service, answers, region=region)
    return site
