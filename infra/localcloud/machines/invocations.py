"""InvokeEndpoint: the one path through the cloud where every millisecond counts.

Nothing here knows botocore. A call is read, matched with its endpoint in memory, handed to the model server on a
connection that is open already, and the answer goes back as it came; logs, metrics and the bill follow later.
"""

import asyncio
import functools
import json
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from infra.localcloud.cloud import Cloud
from infra.localcloud.gateway import CREDENTIAL
from infra.localcloud.machines.data_capture import Exchange
from infra.localcloud.machines.endpoint_records import Call, Endpoint
from infra.localcloud.machines.hosting import Hosting
from infra.localcloud.machines.model_server import ModelServer, tell
from infra.localcloud.machines.registry import machines_of
from infra.localcloud.machines.upstream import Answer, ServerGoneError, UnreachableError
from infra.localcloud.machines.variant import RetiredError, Serverless, ThrottledError, Variant

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
RawHeaders = list[tuple[bytes, bytes]]

MEBIBYTE = 2**20
LARGEST_SERVERLESS_BODY = 4 * MEBIBYTE
LARGEST_BODY = 6 * MEBIBYTE
EXIT_SECONDS = 1.0
"""How long to wait for the reason when a server has closed its connection."""

PASSED_ON = (b"content-type", b"accept")
OUR_PREFIX = b"x-amzn-sagemaker-"
CUSTOM_ATTRIBUTES = b"x-amzn-sagemaker-custom-attributes"
TARGET_VARIANT = b"x-amzn-sagemaker-target-variant"

# Copies for shadow variants that are on their way: the loop itself would let go of them.
_copies: set["asyncio.Task[None]"] = set()


class RefusalError(Exception):
    """An answer that is not the model's good one: an error as SageMaker's clients expect it."""

    def __init__(self, status: int, code: str, message: str, **more: object) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.body = json.dumps({"Message": message, **more}).encode() if code else message.encode()


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one `POST /endpoints/{name}/invocations`."""
    began = time.perf_counter()
    request_id = str(uuid.uuid4())
    added: RawHeaders = [(b"x-amzn-requestid", request_id.encode())]
    try:
        call = _Call(scope["state"]["cloud"], scope["path"], dict(scope["headers"]), request_id, began, added)
        answer = await call.answer(await _read(receive))
        status, content = answer.status, answer.body
        added.append((b"content-type", answer.headers.get(b"content-type", b"application/octet-stream")))
        if attributes := answer.headers.get(CUSTOM_ATTRIBUTES):
            added.append((CUSTOM_ATTRIBUTES, attributes))
    except RefusalError as refusal:
        status, content = refusal.status, refusal.body
        if refusal.code:
            added += [(b"content-type", b"application/json"), (b"x-amzn-errortype", refusal.code.encode())]
    added.append((b"content-length", str(len(content)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": added})
    await send({"type": "http.response.body", "body": content})


@dataclass
class _Call:
    """One request, from its headers to the model's answer. `added` collects the headers that SageMaker adds to it."""

    cloud: Cloud
    path: str
    headers: Mapping[bytes, bytes]
    request_id: str
    began: float
    added: RawHeaders
    waited_seconds: float = 0.0

    async def answer(self, body: bytes) -> Answer:
        """The model's good answer; everything else is a RefusalError."""
        hosting = machines_of(self.cloud).hosting
        endpoint, variant, starting = self._admit(hosting, body)
        self.added.append((b"x-amzn-invoked-production-variant", variant.plan.variant.encode()))
        self._mirror(hosting, endpoint, body)
        status, asked, exchange = 500, None, None
        try:
            for last in (False, True):
                server = await self._server(starting)
                asked = time.perf_counter()
                try:
                    answer = await self._ask(server, hosting.invocation_seconds, body)
                    break
                except UnreachableError as error:  # It died while nobody asked: as good as not started, once.
                    ended = await _ended(server)
                    if last:
                        raise _model_error(server, 0, f"The container {error}{ended}") from None
                    starting, asked = variant.start(), None
            status = answer.status
            if not 200 <= status < 300:
                raise _model_error(server, status, answer.body.decode(errors="replace"))
            if endpoint.capture and endpoint.capture.drawn():
                exchange = Exchange(self.request_id, time.time(), self.headers, body, answer)
            return answer
        finally:
            variant.finish()
            model_seconds = time.perf_counter() - asked if asked else 0.0
            overhead = time.perf_counter() - self.began - self.waited_seconds - model_seconds
            hosting.note(Call(endpoint, variant, status, model_seconds, overhead, exchange))

    def _mirror(self, hosting: Hosting, endpoint: Endpoint, body: bytes) -> None:
        """Send a copy to the shadow variant, if there is one; nobody waits for what it answers."""
        if shadow := endpoint.shadow():
            copy = asyncio.create_task(self._ask_shadow(hosting, endpoint, shadow, body))
            _copies.add(copy)
            copy.add_done_callback(_copies.discard)

    async def _ask_shadow(self, hosting: Hosting, endpoint: Endpoint, shadow: Variant, body: bytes) -> None:
        try:
            server = await asyncio.wrap_future(shadow.begin())
        except Exception:
            return
        status, exchange, asked = 500, None, time.perf_counter()
        try:
            answer = await self._ask(server, hosting.invocation_seconds, body)
            status = answer.status
            if 200 <= status < 300 and endpoint.capture and endpoint.capture.drawn():
                exchange = Exchange(self.request_id, time.time(), self.headers, body, answer)
        except (RefusalError, ServerGoneError):
            pass
        finally:
            shadow.finish()
            hosting.note(Call(endpoint, shadow, status, time.perf_counter() - asked, 0.0, exchange))

    async def _server(self, starting: "Future[ModelServer]") -> ModelServer:
        """The server; of one that starts, the wait is shown in a header."""
        if not starting.done():
            began = time.perf_counter()
            with suppress(Exception):  # What went wrong is told below.
                await asyncio.shield(asyncio.wrap_future(starting))
            self.waited_seconds += time.perf_counter() - began
            self.added.append((b"x-groundplan-cold-start-ms", b"%.1f" % (self.waited_seconds * 1000)))
        error = starting.exception()
        if error is None:
            return starting.result()
        # As a container that answers nothing else: what went wrong is the message, and the log group has the rest.
        message, told = f'Received server error (503) from primary with message "{error}".', str(error)
        raise RefusalError(424, "ModelError", message, OriginalStatusCode=503, OriginalMessage=told, LogStreamArn="")

    def _admit(self, hosting: Hosting, body: bytes) -> "tuple[Endpoint, Variant, Future[ModelServer]]":
        """The variant that takes the call, and its server, which may still have to start."""
        key = self._key()
        target = self.headers.get(TARGET_VARIANT)
        while True:
            endpoint = hosting.find(key)
            if endpoint is None:
                account, _, name = key
                raise RefusalError(400, "ValidationError", f"Endpoint {name} of account {account} not found.")
            if endpoint.asynchronous:
                raise RefusalError(
                    400, "ValidationError", f"Endpoint {key[2]} is asynchronous: use InvokeEndpointAsync."
                )
            variant = endpoint.choose(target.decode() if target else None)
            if variant is None:
                message = f"Variant {(target or b'').decode()} not found for Request {self.request_id}"
                raise RefusalError(400, "ValidationError", message)
            self._check_size(variant, body)
            try:
                return endpoint, variant, variant.begin()
            except ThrottledError:
                raise RefusalError(429, "ThrottlingException", "Rate exceeded") from None
            except RetiredError:
                continue

    def _key(self) -> tuple[str, str, str]:
        found = CREDENTIAL.search(self.headers.get(b"authorization", b"").decode("latin-1"))
        if not found:
            raise RefusalError(403, "MissingAuthenticationTokenException", "Missing Authentication Token")
        if not self.path.endswith("/invocations"):
            message = "The embedded cloud does not stream answers; use InvokeEndpoint."
            raise RefusalError(501, "NotImplemented", message)
        return _account(found[1]), found[2], unquote(self.path.split("/")[2])

    def _check_size(self, variant: Variant, body: bytes) -> None:
        if isinstance(variant.hosting, Serverless):
            if len(body) > LARGEST_SERVERLESS_BODY:
                raise RefusalError(400, "ValidationError", f"Request {self.request_id} has oversize body.")
        elif len(body) > LARGEST_BODY:
            raise RefusalError(413, "", f"HTTP content length exceeded {LARGEST_BODY} bytes.")

    async def _ask(self, server: ModelServer, seconds: float, body: bytes) -> Answer:
        passed_on = [
            header for header in self.headers.items() if header[0] in PASSED_ON or header[0].startswith(OUR_PREFIX)
        ]
        try:
            async with asyncio.timeout(seconds):
                return await server.upstream.post("/invocations", passed_on, body)
        except TimeoutError:
            message = (
                "Your invocation timed out while waiting for a response from container primary. Review the latency "
                "metrics for each container in Amazon CloudWatch, resolve the issue, and try again."
            )
            raise _model_error(server, 0, message) from None
        except UnreachableError:
            raise
        except ServerGoneError as error:
            raise _model_error(server, 0, f"The container {error}{await _ended(server)}") from None


async def _ended(server: ModelServer) -> str:
    """How a server ended that has just closed its connection; nothing when it goes on."""
    await asyncio.wait([asyncio.wrap_future(server.leashed.exit)], timeout=EXIT_SECONDS)
    return f": it ended with {tell(server.leashed.exit.result())}" if not server.alive else ""


def _model_error(server: ModelServer, status: int, message: str) -> RefusalError:
    kind = "client" if 400 <= status < 500 else "server"
    plan = server.plan
    console = f"https://{plan.region}.console.aws.amazon.com/cloudwatch/home?region={plan.region}"
    text = (
        f'Received {kind} error ({status}) from primary with message "{message}". See {console}#logEventViewer:group='
        f"{plan.log_group} in account {plan.account} for more information."
    )
    return RefusalError(
        424,
        "ModelError",
        text,
        ErrorCode=f"{kind.upper()}_ERROR_FROM_MODEL",
        OriginalStatusCode=status,
        OriginalMessage=message,
        LogStreamArn=server.log_stream_arn,
    )


@functools.lru_cache(maxsize=1024)
def _account(access_key: str) -> str:
    from moto.iam.models import get_account_id_from

    return str(get_account_id_from(access_key))


async def _read(receive: Receive) -> bytes:
    """The body; of one that is too large, enough to see that."""
    message = await receive()
    if not message.get("more_body", False):
        return bytes(message.get("body", b""))
    chunks, size = [message["body"]], len(message["body"])
    while message.get("more_body", False):
        message = await receive()
        if size <= LARGEST_BODY:
            chunks.append(message.get("body", b""))
            size += len(chunks[-1])
    return b"".join(chunks)
