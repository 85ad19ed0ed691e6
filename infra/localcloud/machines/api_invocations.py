"""Requests to an API of API Gateway: let in, checked, passed to the endpoint behind it, answered as defined.

The address is `CLOUD/_aws/execute-api/API/STAGE/PATH`. This machine counts as inside of every private API's network; a
web ACL and a stage's throttling are kept and not applied.
"""

import http.client
import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from infra.localcloud.cloud import Cloud, Payload
from infra.localcloud.gateway import Caller, caller_of
from infra.localcloud.wire import Answer, Environ

PREFIX = "/_aws/execute-api/"
INTEGRATION = "x-amazon-apigateway-integration"
SAGEMAKER = re.compile(r"arn:aws[\w-]*:apigateway:[\w-]+:runtime\.sagemaker:path/+(endpoints/[^/]+/invocations)")


class RefusedError(Exception):
    """What API Gateway answers by itself."""

    def __init__(self, status: int, message: str, kind: str) -> None:
        super().__init__(message)
        self.status, self.message, self.kind = status, message, kind


@dataclass(frozen=True)
class Target:
    """The part of a path: which API, which of its stages, and what is asked there."""

    api: str
    stage: str
    path: str

    @classmethod
    def of(cls, path: str) -> "Target":
        """Take an address apart."""
        api, _, rest = path.removeprefix(PREFIX).partition("/")
        stage, _, inner = rest.partition("/")
        return cls(api, stage, f"/{inner}")


def answer(cloud: Cloud, environ: Environ, body: bytes) -> Answer:
    """The answer to one request."""
    try:
        caller = _let_in(environ)
        definition, operation = _find(cloud, caller, Target.of(environ["PATH_INFO"]), environ["REQUEST_METHOD"])
        _check(definition, operation, body)
        return _pass_on(cloud, environ, operation[INTEGRATION], body)
    except RefusedError as refused:
        headers = [("Content-Type", "application/json"), ("x-amzn-ErrorType", refused.kind)]
        return Answer(refused.status, headers, json.dumps({"message": refused.message}).encode())


def _let_in(environ: Environ) -> Caller:
    caller = caller_of(environ)
    if caller is None:
        raise RefusedError(403, "Missing Authentication Token", "MissingAuthenticationTokenException")
    if caller.signing_name != "execute-api":
        message = "Credential should be scoped to correct service: 'execute-api'."
        raise RefusedError(403, message, "InvalidSignatureException")
    return caller


def _find(cloud: Cloud, caller: Caller, target: Target, method: str) -> tuple[Payload, Payload]:
    """The API's definition, and in it the operation that is asked for. What is not deployed is forbidden."""
    from moto.apigateway.models import apigateway_backends
    from moto.iam.models import get_account_id_from

    account = str(get_account_id_from(caller.access_key))
    definition = cloud.notes("apigateway", "Definition", account=account, region=caller.region).get(target.api)
    api = apigateway_backends[account][caller.region].apis.get(target.api)
    if definition is None or api is None or target.stage not in api.stages:
        raise RefusedError(403, "Forbidden", "ForbiddenException")
    operation = definition["paths"].get(target.path, {}).get(method.lower())
    if operation is None or INTEGRATION not in operation:
        # API Gateway's words for a path that it does not know, also to callers who have signed.
        raise RefusedError(403, "Missing Authentication Token", "MissingAuthenticationTokenException")
    return definition, operation


def _check(definition: Payload, operation: Payload, body: bytes) -> None:
    """Hold the body against its schema, where the operation's validator asks for that."""
    import jsonschema  # type: ignore[import-untyped]

    validators = definition.get("x-amazon-apigateway-request-validators", {})
    chosen = validators.get(operation.get("x-amazon-apigateway-request-validator"), {})
    if not chosen.get("validateRequestBody"):
        return
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    if reference := schema.get("$ref"):
        schema = definition["components"]["schemas"][reference.rsplit("/", 1)[-1]]
    try:
        jsonschema.validate(json.loads(body), schema)
    except (ValueError, jsonschema.ValidationError) as error:
        raise RefusedError(400, "Invalid request body", "BadRequestException") from error


def _pass_on(cloud: Cloud, environ: Environ, integration: Payload, body: bytes) -> Answer:
    found = SAGEMAKER.fullmatch(integration["uri"])
    if not found:
        raise RefusedError(501, "The embedded cloud passes requests to SageMaker endpoints only.", "NotImplemented")
    prefix = "integration.request.header."
    headers = {
        name.removeprefix(prefix): value.strip("'")
        for name, value in integration.get("requestParameters", {}).items()
        if name.startswith(prefix)
    }
    # The role signs for SageMaker; here the caller's own signature stands in for it.
    headers["Authorization"] = environ["HTTP_AUTHORIZATION"].replace("/execute-api/", "/sagemaker/")
    address = urlsplit(cloud.url)
    seconds = integration.get("timeoutInMillis", 29_000) / 1000
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=seconds)
    try:
        connection.request("POST", f"/{found[1]}", body, headers)
        response = connection.getresponse()
        content = response.read()
    except TimeoutError as error:
        raise RefusedError(504, "Endpoint request timed out", "IntegrationTimeoutException") from error
    finally:
        connection.close()
    return Answer(_status(integration, response.status), [("Content-Type", "application/json")], content)


def _status(integration: Payload, status: int) -> int:
    """The first pattern that fits the endpoint's status, else the default."""
    answers: Any = integration["responses"]
    for pattern, shown in answers.items():
        if pattern != "default" and re.fullmatch(pattern, str(status)):
            return int(shown["statusCode"])
    return int(answers["default"]["statusCode"])
