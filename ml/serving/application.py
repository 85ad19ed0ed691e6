"""The server's three paths as a plain ASGI application: GET /ping, POST /invocations, GET /metrics.

The model runs in a thread of its own, one request at a time, which all of its threads then work on; /ping answers
meanwhile. Requests that wait are bounded: past that the answer is 503 at once, which clients and load balancers know.
"""

import asyncio
import json
import sys
import time
import traceback
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ml.errors import RequestError
from ml.serving import requests
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

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        began = time.perf_counter()
        path, method = scope["path"], scope["method"]
        if path == "/invocations" and method == "POST":
            status, answer, size = await self._invoke(dict(scope["headers"]), receive)
            seconds = time.perf_counter() - began
            self._metrics.count(status, seconds)
            await _send(send, status, answer, JSON)
            log(path=path, status=status, milliseconds=round(seconds * 1000, 3), bytes=size)
        elif path == "/ping" and method == "GET":
            await _send(send, 200, b"", JSON)
        elif path == "/metrics" and method == "GET":
            await _send(send, 200, self._metrics.text(self._in_hand).encode(), TEXT)
        else:
            known = path in ("/invocations", "/ping", "/metrics")
            refusal = RequestError(
                405 if known else 404, "request", f"{method} {path}", "has no answer here", "POST /invocations"
            )
            await _send(send, refusal.status, _error(refusal), JSON)

    async def _invoke(self, headers: dict[bytes, bytes], receive: Receive) -> tuple[int, bytes, int]:
        """Return status, answer and the number of bytes received."""
        body = await _body(receive)
        try:
            if self._model is None:
                raise RequestError(
                    503, "endpoint", "no model", "released yet", "run `groundplan release`, then call again"
                )
            if body is None:
                raise RequestError(
                    413, "body", f"more than {requests.MOST_BYTES} bytes", "are too many", "send several requests"
                )
            if self._in_hand >= MOST_IN_HAND:
                raise RequestError(
                    503, "server", f"{self._in_hand} requests", "are in hand already", "call again later"
                )
            self._in_hand += 1
            try:
                content_type = headers.get(b"content-type", b"").decode("latin-1")
                answer = asyncio.get_running_loop().run_in_executor(self._lane, self._model.answer, content_type, body)
                return 200, await answer, len(body)
            finally:
                self._in_hand -= 1
        except RequestError as refusal:
            return refusal.status, _error(refusal), len(body or b"")
        except Exception:
            log(error=traceback.format_exc())
            return (
                500,
                json.dumps({"error": "the model failed on this request; the server's log says why"}).encode(),
                len(body or b""),
            )


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


def _error(refusal: RequestError) -> bytes:
    return json.dumps({"error": str(refusal)}).encode()


def log(**fields: object) -> None:
    """Write one JSON line to the log, which the platform takes from standard output."""
    sys.stdout.write(json.dumps({"time": round(time.time(), 3), **fields}) + "\n")
    sys.stdout.flush()
