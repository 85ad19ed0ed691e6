"""What an API in front of endpoints takes and answers: an OpenAPI document with API Gateway's extensions."""

import json
from collections.abc import Mapping
from typing import Any

_JSON = "application/json"
_TIMEOUT_MS = 29_000
# What a model's signature refines: one to 64 instances, each an object.
_REQUEST = {
    "type": "object",
    "required": ["instances"],
    "properties": {"instances": {"type": "array", "minItems": 1, "maxItems": 64, "items": {"type": "object"}}},
}
# SageMaker's status → the API's. 424 is the model's own error, 429 asks to try later; the rest is no caller's fault.
_ANSWERS = {"200": "200", "400|413": "400", "424": "424", "429": "429", "default": "502"}
_MEANINGS = {
    "200": "the model's predictions",
    "400": "a request that the endpoint does not take",
    "424": "an error of the model, with its own message",
    "429": "too many requests at a time",
    "502": "no answer from the endpoint",
}


def definition(title: str, *, region: str, endpoints: Mapping[str, str], role_arn: str) -> str:
    """Return the document as JSON: `POST /PATH` asks the endpoint that `endpoints` has under PATH, as `role_arn`."""
    document = {
        "openapi": "3.0.1",
        "info": {"title": title, "version": "1"},
        "paths": {f"/{path}": {"post": _asking(region, name, role_arn)} for path, name in endpoints.items()},
        "components": {"schemas": {"Request": _REQUEST}, "securitySchemes": {"sigv4": _SIGNED}},
        "x-amazon-apigateway-request-validators": {
            "body": {"validateRequestBody": True, "validateRequestParameters": False}
        },
    }
    return json.dumps(document)


_SIGNED = {
    "type": "apiKey",
    "name": "Authorization",
    "in": "header",
    "x-amazon-apigateway-authtype": "awsSigv4",
}


def _asking(region: str, endpoint: str, role_arn: str) -> Mapping[str, Any]:
    content = {_JSON: {"schema": {"$ref": "#/components/schemas/Request"}}}
    return {
        "security": [{"sigv4": []}],
        "requestBody": {"required": True, "content": content},
        "responses": {status: {"description": meaning} for status, meaning in _MEANINGS.items()},
        "x-amazon-apigateway-request-validator": "body",
        "x-amazon-apigateway-integration": {
            "type": "aws",
            "httpMethod": "POST",
            "uri": f"arn:aws:apigateway:{region}:runtime.sagemaker:path/endpoints/{endpoint}/invocations",
            "credentials": role_arn,
            "passthroughBehavior": "when_no_templates",
            "timeoutInMillis": _TIMEOUT_MS,
            "requestParameters": {
                f"integration.request.header.{header}": f"'{_JSON}'" for header in ("Accept", "Content-Type")
            },
            "responses": {pattern: {"statusCode": status} for pattern, status in _ANSWERS.items()},
        },
    }
