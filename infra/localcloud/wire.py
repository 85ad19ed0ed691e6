"""Between the wire and dictionaries, in the protocol that each AWS service speaks.

Both directions are driven by botocore's service models: moto's parsers read what a client sent and moto's serializers
write what a server answers; botocore's own do the reverse, to ask moto and to read its answer.
"""

import io
import warnings
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from botocore.awsrequest import HeadersDict, create_request_object, prepare_request_dict
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from botocore.validate import ParamValidator
from moto.core.model import OperationModel
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request, determine_request_protocol
from moto.core.serialize import SerializationContext, get_serializer_class
from moto.core.utils import get_service_model
from moto.moto_api._internal import mock_random

from infra.localcloud.operations import AwsError, Payload

Environ = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """An HTTP answer, whole."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


def request_from(environ: Environ, body: bytes) -> Request:
    """A fresh request over `environ`: reading a request consumes its body."""
    return Request({**environ, "wsgi.input": io.BytesIO(body)})


def protocol_of(service: str, content_type: str | None) -> str:
    """The protocol that this request speaks, of the ones its service offers."""
    return str(determine_request_protocol(get_service_model(service), content_type))


def read_request(model: OperationModel, protocol: str, request: Request, path_values: dict[str, Any]) -> Payload:
    """The parameters of a request, as boto3 would show them; ValueError-like failures become a client's fault."""
    parts = {
        "method": request.method,
        "values": request.values,
        "headers": request.headers,
        "body": request.get_data(),
        "url_path": request.path,
        "url_params": path_values,
    }
    try:
        return dict(PROTOCOL_PARSERS[protocol](model).parse(parts))
    except Exception as error:
        raise AwsError("SerializationException", f"{model.name}: the request cannot be read: {error}") from error


def check_request(model: OperationModel, params: Payload) -> None:
    """Refuse parameters that the service model does not allow, as AWS does for clients that do not look themselves."""
    report = ParamValidator().validate(params, model.input_shape)
    if report.has_errors():
        raise AwsError("ValidationException", report.generate_report())


def write_answer(model: OperationModel, protocol: str, payload: Payload | AwsError) -> Answer:
    """An operation's answer, or its error, as the service's protocol writes it."""
    service = model.service_model.service_name
    request_id = str(mock_random.uuid4())
    serializer = get_serializer_class(service, protocol)(model, SerializationContext(request_id))
    with warnings.catch_warnings():
        # moto warns about error codes that the service model does not list; AWS sends such codes too.
        warnings.simplefilter("ignore")
        written = serializer.serialize(payload)
    status = payload.status if isinstance(payload, AwsError) else _status(model, payload, written["status_code"])
    body = written["body"] or b""  # moto's serializer leaves it out where a blob is empty.
    headers = {**written["headers"], "x-amzn-RequestId": request_id}
    return Answer(status, list(headers.items()), body.encode() if isinstance(body, str) else body)


def _status(model: OperationModel, payload: Payload, usual: int) -> int:
    """The HTTP status, where an operation tells it as a member of its answer: moto's serializers do not."""
    members = model.output_shape.members if model.output_shape else {}
    told = (name for name, shape in members.items() if shape.serialization.get("location") == "statusCode")
    return next((int(payload[name]) for name in told if name in payload), usual)


def write_request(model: OperationModel, protocol: str, params: Payload, environ: Environ) -> tuple[Environ, bytes]:
    """The request of `environ` again, with other parameters."""
    serialized = create_serializer(protocol, include_validation=False).serialize_to_request(params, model)
    prepare_request_dict(serialized, endpoint_url=f"http://{environ['HTTP_HOST']}")
    prepared = create_request_object(serialized).prepare()
    body = prepared.body or b""
    body = body.encode() if isinstance(body, str) else body
    url = urlsplit(prepared.url)
    changed = {
        **environ,
        "PATH_INFO": url.path,
        "RAW_URI": url.path + (f"?{url.query}" if url.query else ""),
        "QUERY_STRING": url.query,
        "CONTENT_LENGTH": str(len(body)),
    }
    for name, value in prepared.headers.items():
        key = name.upper().replace("-", "_")
        text = value.decode() if isinstance(value, bytes) else value
        changed[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = text
    return changed, body


def read_answer(model: OperationModel, protocol: str, answer: Answer) -> Payload:
    """What moto answered, as boto3 would show it; its errors are raised."""
    response = {"status_code": answer.status, "headers": HeadersDict(answer.headers), "body": answer.body}
    parsed = create_parser(protocol).parse(response, model.output_shape)
    parsed.pop("ResponseMetadata", None)
    if answer.status >= 300:
        error = parsed.get("Error", {})
        raise AwsError(str(error.get("Code", "InternalFailure")), str(error.get("Message", "")), answer.status)
    return dict(parsed)
