"""The front door: every protocol, errors as AWS shapes them, bad requests that harm nobody."""

import json
import socket
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.core.utils import get_service_model

from infra.localcloud import CloudRecord, services
from infra.localcloud.gateway import SIGNING_NAMES
from infra.localcloud.operations import known_services
from infra.localcloud.wire import write_answer
from tests.localcloud.conftest import Clients

SCOPE = "Credential=test/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0"


def error_of(call: Any, **params: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as raised:
        call(**params)
    return {
        **raised.value.response["Error"],
        "Status": raised.value.response["ResponseMetadata"]["HTTPStatusCode"],
    }


def post(cloud: CloudRecord, path: str, body: bytes, **headers: str) -> tuple[int, bytes]:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(f"{cloud.url}{path}", data=body, headers=names, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


@pytest.mark.parametrize(
    ("service", "operation", "params"),
    [
        ("sagemaker", "list_models", {}),  # json
        ("batch", "describe_job_queues", {}),  # rest-json
        ("sns", "list_topics", {}),  # query
        ("ec2", "describe_vpcs", {}),  # ec2
        ("s3", "list_buckets", {}),  # rest-xml
    ],
)
def test_an_unknown_region_is_refused_in_the_words_of_every_protocol(
    service: str, operation: str, params: dict[str, Any], client: Clients
) -> None:
    found = error_of(getattr(client(service, "xx-nowhere-1"), operation), **params)
    assert found["Code"] == "SignatureDoesNotMatch"
    assert "valid region, not 'xx-nowhere-1'" in found["Message"]
    assert found["Status"] == 403


@pytest.mark.parametrize(
    ("service", "operation", "params"),
    [
        ("grafana", "list_workspaces", {}),
        ("ec2", "describe_host_reservations", {}),
        ("sagemaker", "list_spaces", {}),
        ("xray", "get_groups", {}),
    ],
)
def test_what_this_cloud_does_not_have_is_said_and_not_retried(
    service: str, operation: str, params: dict[str, Any], client: Clients
) -> None:
    found = error_of(getattr(client(service), operation), **params)
    assert (found["Code"], found["Status"]) == ("NotImplemented", 501)
    assert "does not have this operation" in found["Message"]


def test_a_failure_inside_is_logged_with_its_traceback_and_answered_without(cloud: CloudRecord) -> None:
    broken = {"Authorization": SCOPE.format(service="dynamodb"), "X-Amz-Target": "DynamoDB_20120810.GetItem"}
    status, body = post(cloud, "/", b"not json", **{"Content-Type": "application/x-amz-json-1.0"}, **broken)
    assert status == 501
    assert json.loads(body)["__type"].endswith("InternalFailure")
    assert b"Traceback" not in body
    events = [json.loads(line) for line in (cloud.folder / "cloud.log").read_text().splitlines()]
    failures = [event for event in events if event["event"] == "request failed" and event["service"] == "dynamodb"]
    assert "Traceback" in failures[-1]["traceback"]


def test_a_body_that_its_protocol_cannot_read_is_the_clients_fault(cloud: CloudRecord) -> None:
    headers = {
        "Authorization": SCOPE.format(service="sagemaker"),
        "X-Amz-Target": "SageMaker.CreateModelPackageGroup",
        "Content-Type": "application/x-amz-json-1.1",
    }
    for unreadable in (b"{not json", b"{}", b'{"ModelPackageGroupName": 7}'):
        status, body = post(cloud, "/", unreadable, **headers)
        assert (status, json.loads(body)["__type"]) == (400, "ValidationException")
        assert "ModelPackageGroupName" in json.loads(body)["Message"]


@pytest.mark.parametrize(
    "raw",
    [
        b"\x16\x03\x01\x00\xa5\x01\x00\x00",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: nonsense\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf",
    ],
)
def test_garbage_and_half_requests_do_not_hurt_the_others(raw: bytes, cloud: CloudRecord, client: Clients) -> None:
    with socket.create_connection(("127.0.0.1", cloud.port), timeout=60) as one:
        one.sendall(raw)
        assert client("s3").list_buckets()["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_half_an_upload_is_no_object(cloud: CloudRecord, client: Clients) -> None:
    s3 = client("s3")
    s3.create_bucket(Bucket="half")
    signed = "Authorization: AWS4-HMAC-SHA256 Credential=test/20261122/us-east-1/s3/aws4_request, Signature=x"
    head = f"PUT /half/{{}} HTTP/1.1\r\nHost: x\r\n{signed}\r\nContent-Length: {{}}\r\n\r\n"
    for number in range(20):
        with socket.create_connection(("127.0.0.1", cloud.port), timeout=60) as one:
            one.sendall(head.format(number, 100).encode() + b"half")
    with socket.create_connection(("127.0.0.1", cloud.port), timeout=60) as one:
        one.sendall(head.format("whole", 5).encode() + b"whole")
        assert one.recv(100).startswith(b"HTTP/1.1 200")
    assert [found["Key"] for found in s3.list_objects_v2(Bucket="half")["Contents"]] == ["whole"]


def test_health_answers_while_slow_clients_hold_their_requests_back(cloud: CloudRecord) -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n"
    held = [socket.create_connection(("127.0.0.1", cloud.port), timeout=60) for _ in range(64)]
    for one in held:
        one.sendall(head)
    with urllib.request.urlopen(f"{cloud.url}/_groundplan/health", timeout=60) as answer:
        assert json.load(answer)["status"] == "ok"
    for one in held:
        one.close()


def test_a_client_that_lost_an_answer_gets_it_again_and_acts_once(cloud: CloudRecord) -> None:
    def create(call: str, attempt: int) -> tuple[int, bytes]:
        headers = {
            "Authorization": f"AWS4-HMAC-SHA256 {SCOPE.format(service='sagemaker')}",
            "X_Amz_Target": "SageMaker.CreateModelPackageGroup",
            "Content_Type": "application/x-amz-json-1.1",
            "amz_sdk_invocation_id": call,
            "amz_sdk_request": f"attempt={attempt}; max=25",
        }
        return post(cloud, "/", b'{"ModelPackageGroupName": "once"}', **headers)

    status, body = create("first", 1)
    assert status == 200
    assert create("first", 2) == create("first", 10) == (200, body)
    assert create("second", 1)[0] == create("second", 2)[0] == 400, "that it is there already is no answer to keep"


def test_parallel_writers_lose_nothing(client: Clients) -> None:
    ssm, sagemaker = client("ssm"), client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName="parallel")

    def write(number: int) -> str:
        ssm.put_parameter(Name=f"/parallel/{number}", Value=str(number), Type="String")
        made = sagemaker.create_model_package(ModelPackageGroupName="parallel")
        return str(made["ModelPackageArn"])

    with ThreadPoolExecutor(8) as pool:
        arns = list(pool.map(write, range(40)))
    assert sorted(int(arn.rsplit("/", 1)[-1]) for arn in arns) == list(range(1, 41))
    pages = ssm.get_paginator("get_parameters_by_path").paginate(Path="/parallel")
    assert {one["Value"] for page in pages for one in page["Parameters"]} == {str(number) for number in range(40)}


def test_every_service_of_this_layer_is_recognised_by_the_name_its_clients_sign_with() -> None:
    services.load()
    for service in known_services():
        metadata = get_service_model(service).metadata
        signs_with = metadata.get("signingName") or metadata["endpointPrefix"]
        assert SIGNING_NAMES.get(service, service) == signs_with


def test_every_operation_of_this_layer_is_one_that_aws_has() -> None:
    from infra.localcloud import operations

    services.load()
    for service, action in (*operations._operations, *operations._amendments):
        assert action in get_service_model(service).operation_names, (service, action)


def test_an_answer_without_content_is_no_bytes() -> None:
    for service, action in (("lambda", "Invoke"), ("iot-data", "UpdateThingShadow")):
        model = get_service_model(service).operation_model(action)
        assert write_answer(model, "rest-json", {}).body == b"", action
