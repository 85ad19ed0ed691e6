"""An API in front of an endpoint, as its caller meets it: signed or refused, checked, and answered by the model."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from infra.api_definition import definition
from infra.localcloud import CloudRecord

Endpoint = Any  # conftest.Endpoint
Client = Callable[[str], Any]
Ask = Callable[..., tuple[int, dict[str, Any]]]
GOOD = {"instances": [{"text": "good"}]}


@pytest.fixture
def ask(cloud: CloudRecord, client: Client, endpoint: Endpoint) -> Iterator[Ask]:
    """Deploy an API of one path, `/reviews`, before an endpoint that stands; ask it with a body or an order."""
    endpoint.create({"model": {"name": "behind"}})
    gateway, role = client("apigateway"), "arn:aws:iam::123456789012:role/api"
    api = gateway.create_rest_api(name="inference")["id"]
    document = definition("inference", region="us-east-1", endpoints={"reviews": endpoint.name}, role_arn=role)
    gateway.put_rest_api(restApiId=api, mode="overwrite", body=document.encode())
    deployment = gateway.create_deployment(restApiId=api)["id"]
    gateway.create_stage(restApiId=api, stageName="v1", deploymentId=deployment)

    def send(body: Any, *, path: str = "v1/reviews", service: str | None = "execute-api") -> tuple[int, dict[str, Any]]:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = AWSRequest("POST", f"{cloud.url}/_aws/execute-api/{api}/{path}", data=content)
        if service:
            SigV4Auth(Credentials("test", "test"), service, "us-east-1").add_auth(request)
        sent = urllib.request.Request(request.url, content, dict(request.headers.items()), method="POST")
        try:
            with urllib.request.urlopen(sent, timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    yield send
    gateway.delete_rest_api(restApiId=api)


def test_a_signed_request_is_answered_by_the_model(ask: Ask) -> None:
    status, said = ask(GOOD)
    assert (status, said["model"]) == (200, "behind")
    assert said["headers"]["content-type"] == said["headers"]["accept"] == "application/json"
    assert said["bytes"] == len(json.dumps(GOOD))


@pytest.mark.parametrize(
    ("request_", "status", "told"),
    [
        ({"service": None}, 403, "Missing Authentication Token"),
        ({"service": "sagemaker"}, 403, "Credential should be scoped to correct service: 'execute-api'."),
        ({"path": "v1/others"}, 403, "Missing Authentication Token"),
        ({"path": "v2/reviews"}, 403, "Forbidden"),
    ],
)
def test_nobody_gets_in_without_a_signature_and_nowhere_else(
    ask: Ask, request_: dict[str, Any], status: int, told: str
) -> None:
    assert ask(GOOD, **request_) == (status, {"message": told})


@pytest.mark.parametrize("body", [b"no json", {}, {"instances": []}, {"instances": ["text"]}, {"instances": [{}] * 65}])
def test_a_request_of_another_form_never_reaches_the_model(ask: Ask, endpoint: Endpoint, body: Any) -> None:
    assert ask(body) == (400, {"message": "Invalid request body"})
    assert not endpoint.lines(), "nothing was started for it"


def test_what_the_model_refuses_is_no_fault_of_the_api(ask: Ask, endpoint: Endpoint) -> None:
    status, said = ask({**GOOD, "do": "fail", "status": 400, "text": "no such word"})
    assert (status, said["OriginalMessage"]) == (424, "no such word")
    endpoint.delete()
    status, said = ask(GOOD)
    assert (status, "not found" in said["Message"]) == (400, True)
