"""The server's three paths as a plain ASGI application: GET /ping, POST /invocations, GET /metrics.

The model runs in a thread of its own, one request at a time, which all of its threads then work on; /ping answers
meanwhile. Requests that wait are bounded: past that the answer is 503 at once, which clients and load balancers know.
"""

import asyncio
import json
import time
import traceback
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ml.errors import RequestError
from ml.serving import log, requests
from ml.serving.loading import ServedModel
from ml.serving.metrics import Metrics

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

MOST_IN_HAND = 64
# A client that is still sending an oversized body reads no answer: take in so many times the limit, then hang up.
PATIENCE = 4
JSON, TEXT = b"application/json", b"text/plain; version=0.0.4"


class Application:
    """Answers for one model, or says that there is none yet (`model=None`)."""

    def __init__(self, model: ServedModel | None) -> None:
        self._model = model
        self._metrics = Metrics(model.name if model else "", model.version if model else "")
        self._lane = ThreadPoolExecutor(max_workers=1, thread_name_prefix="model")
        self._in_hand = 0
        self._log = log.AccessLog()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        began = time.perf_counter()
        path, method = scope["path"], scope["method"]
        if path == "/invocations" and method == "POST":
            body = await _body(receive)
            status, answer = await self._answer(dict(scope["headers"]).get(b"content-type", b""), body)
            seconds = time.perf_counter() - began
            self._metrics.count(status, seconds)
            await _send(send, status, answer, JSON)
            self._log.say(path=path, status=status, milliseconds=round(seconds * 1000, 3), bytes=len(body or b""))
        elif path == "/ping" and method == "GET":
            await _send(send, 200, b"", JSON)
        elif path == "/metrics" and method == "GET":
            await _send(send, 200, self._metrics.text(self._in_hand).encode(), TEXT)
        else:
            status = 405 if path in ("/invocations", "/ping", "/metrics") else 404
            await _send(send, status, _error(f"request: {method} {path} has no answer; POST /invocations"), JSON)

    async def _answer(self, content_type: bytes, body: bytes | None) -> tuple[int, bytes]:
        """Return status and answer; no body stands for one that was too large to read."""
        try:
            model, body = self._admit(body)
            self._in_hand += 1
            try:
                loop = asyncio.get_running_loop()
                return 200, await loop.run_in_executor(self._lane, model.answer, content_type.decode("latin-1"), body)
            finally:
                self._in_hand -= 1
        except RequestError as refusal:
            return refusal.status, _error(str(refusal))
        except Exception:
            log.say(error=traceback.format_exc())
            return 500, _error("the model failed on this request; the server's log says why")

    def _admit(self, body: bytes | None) -> tuple[ServedModel, bytes]:
        if self._model is None:
            raise RequestError(503, "endpoint", "no model", "released yet", "run `groundplan release`, then call again")
        if body is None:
            size = f"more than {requests.MOST_BYTES} bytes"
            raise RequestError(413, "body", size, "are too many", "send several requests")
        if self._in_hand >= MOST_IN_HAND:
            raise RequestError(503, "server", f"{self._in_hand} requests", "are in hand already", "call again later")
        return self._model, body


async def _body(receive: Receive) -> bytes | None:
    """Read a request's body; None when it is larger than a request may be."""
    parts, size = [], 0
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > requests.MOST_BYTES:
            parts.clear()
        if not message.get("more_body") or size > PATIENCE * requests.MOST_BYTES:
            return None if size > requests.MOST_BYTES else b"".join(parts)


async def _send(send: Send, status: int, body: bytes, content_type: bytes) -> None:
    headers = [(b"content-type", content_type), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _error(what: str) -> bytes:
    return json.dumps({"error": what}).encode()
