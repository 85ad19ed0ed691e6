"""The cloud's front door: who is asked for what, answered by this project or by moto, errors shaped as AWS's are."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import UnknownServiceError
from botocore.session import Session
from moto.core.model import OperationModel
from moto.core.routing import NotFound, get_service_router
from moto.core.utils import get_service_model
from moto.iam.models import get_account_id_from

from infra.localcloud.cloud import Cloud
from infra.localcloud.given_answers import GivenAnswers
from infra.localcloud.moto_app import MotoApp
from infra.localcloud.operations import (
    AwsError,
    Context,
    Payload,
    find_amendments,
    find_operation,
    known_services,
)
from infra.localcloud.wire import (
    Answer,
    Environ,
    check_request,
    protocol_of,
    read_answer,
    read_request,
    request_from,
    write_answer,
    write_request,
)

SIGNING_NAMES = {
    "cloudcontrol": "cloudcontrolapi",
    "cloudwatch": "monitoring",
    "iot-data": "iotdata",
    "sagemaker-runtime": "sagemaker",
    "service-quotas": "servicequotas",
    "accessanalyzer": "access-analyzer",
    "stepfunctions": "states",
}
"""botocore service → the name that its clients sign with, where the two differ."""

ONE_OF_EACH_PROTOCOL = ("batch", "sagemaker", "iam")
"""rest-json, json and query: how errors are written for a service whose model is not known by its signing name."""

CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/\d{8}/([^/,\s]+)/([^/,\s]+)/aws4_request")
ACTION = re.compile(rb"(?:^|&)Action=(\w+)")
SLOW_SECONDS = 2.0


@dataclass(frozen=True)
class Caller:
    """Who signed a request, and for which service and region."""

    access_key: str
    region: str
    signing_name: str


@dataclass(frozen=True)
class Match:
    """The operation that a request asks for, and what its path says."""

    service: str
    model: OperationModel
    path_values: dict[str, Any]


def caller_of(environ: Environ) -> Caller | None:
    """The signer, from the credential scope; None for unsigned requests."""
    match = CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
    return Caller(*match.groups()) if match else None


class Gateway:
    """Turns one HTTP request into one HTTP answer. Called from many threads."""

    def __init__(self, cloud: Cloud, moto: MotoApp) -> None:
        self._cloud = cloud
        self._moto = moto
        self._given = GivenAnswers()
        self._services: dict[str, list[str]] = {}
        for service in sorted(known_services()):
            self._services.setdefault(SIGNING_NAMES.get(service, service), []).append(service)
        session = Session()
        partitions = session.get_available_partitions()
        self._regions = {
            region for name in partitions for region in session.get_available_regions("ec2", partition_name=name)
        } | {"aws-global"}

    def answer(self, environ: Environ, body: bytes) -> Answer:
        """The answer to a request; whatever goes wrong inside is logged, and the client gets an AWS error."""
        started = time.perf_counter()
        caller = caller_of(environ)
        if given := self._given.again(environ):
            self._cloud.log.info("answer given again", **_where(environ, caller))
            return given
        try:
            if caller and caller.region not in self._regions:
                rule = f"Credential should be scoped to a valid region, not '{caller.region}'."
                raise AwsError("SignatureDoesNotMatch", rule, 403)
            match = self._recognise(environ, body, caller) if caller else None
            if caller and match:
                answer = self._operate(match, environ, body, caller)
            else:
                answer = self._moto.answer(environ, body)
        except AwsError as error:
            answer = refusal(environ, caller, error)
        except NotImplementedError as error:
            self._cloud.log.warning("not implemented", **_where(environ, caller), reason=str(error))
            message = f"The embedded cloud does not have this operation: {error}"
            answer = refusal(environ, caller, AwsError("NotImplemented", message, 501))
        except Exception as error:
            self._cloud.log.error("request failed", **_where(environ, caller))
            # Not 500: SDKs retry that for minutes, and a failure in this process repeats itself exactly.
            message = f"The embedded cloud failed on this request ({type(error).__name__}); its log has the traceback."
            answer = refusal(environ, caller, AwsError("InternalFailure", message, 501))
        self._given.keep(environ, answer)
        seconds = time.perf_counter() - started
        if seconds > SLOW_SECONDS:
            self._cloud.log.warning("slow request", **_where(environ, caller), seconds=round(seconds, 3))
        return answer

    def _recognise(self, environ: Environ, body: bytes, caller: Caller) -> Match | None:
        """The operation, when this layer has something to say about it."""
        action = _action_named(environ, body)
        for service in self._services.get(caller.signing_name, ()):
            if action:
                if _is_ours(service, action):
                    return Match(service, get_service_model(service).operation_model(action), {})
                continue
            try:
                model, path_values = get_service_router(service).match(request_from(environ, body))
            except (NotFound, NotImplementedError):
                continue
            if _is_ours(service, model.name):
                return Match(service, model, path_values)
        return None

    def _operate(self, match: Match, environ: Environ, body: bytes, caller: Caller) -> Answer:
        service, model = match.service, match.model
        protocol = protocol_of(service, environ.get("CONTENT_TYPE"))
        context = Context(
            cloud=self._cloud,
            service=service,
            region=caller.region,
            account=get_account_id_from(caller.access_key),
            forward=self._forwarder(model, protocol, environ, body),
        )
        try:
            params = read_request(model, protocol, request_from(environ, body), match.path_values)
            if operate := find_operation(service, model.name):
                check_request(model, params)
                answer = operate(params, context)
            else:
                answer = context.forward(None)
            for amend in find_amendments(service, model.name):
                answer = amend(params, answer, context)
            return write_answer(model, protocol, answer)
        except AwsError as error:
            return write_answer(model, protocol, error)

    def _forwarder(
        self, model: OperationModel, protocol: str, environ: Environ, body: bytes
    ) -> Callable[[Payload | None], Payload]:
        def forward(params: Payload | None) -> Payload:
            request = (environ, body) if params is None else write_request(model, protocol, params, environ)
            return read_answer(model, protocol, self._moto.answer(*request))

        return forward


def _is_ours(service: str, action: str) -> bool:
    return bool(find_operation(service, action) or find_amendments(service, action))


def refusal(environ: Environ, caller: Caller | None, error: AwsError) -> Answer:
    """`error` in the protocol of the service that was asked, or of one that takes requests like this one."""
    for service in (caller.signing_name if caller else "s3", *ONE_OF_EACH_PROTOCOL):
        try:
            protocol = protocol_of(service, environ.get("CONTENT_TYPE"))
        except (UnknownServiceError, NotImplementedError):
            continue
        return write_answer(OperationModel({}, get_service_model(service)), protocol, error)
    return Answer(error.status, [("Content-Type", "text/plain")], str(error).encode())


def _action_named(environ: Environ, body: bytes) -> str | None:
    """The action of the json and query protocols, which name it; REST requests tell it by method and path."""
    if target := environ.get("HTTP_X_AMZ_TARGET"):
        return str(target).rsplit(".", 1)[-1]
    if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        match = ACTION.search(body)
        return match[1].decode() if match else None
    return None


def _where(environ: Environ, caller: Caller | None) -> dict[str, str | None]:
    return {
        "service": caller.signing_name if caller else None,
        "region": caller.region if caller else None,
        "target": environ.get("HTTP_X_AMZ_TARGET"),
        "method": environ["REQUEST_METHOD"],
        "path": environ["PATH_INFO"],
    }
