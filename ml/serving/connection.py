"""One client's connection: HTTP/1.1 in, answers out in the same order, and an end to whoever sends or reads too slowly.

Written on httptools, which parses: a framework's layers between the socket and the model cost as much as a light model.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from http import HTTPStatus
from itertools import chain
from math import inf
from time import monotonic
from typing import cast

import httptools

from ml.errors import RequestError
from ml.serving.clients import Clients
from ml.serving.requests import MOST_BYTES

MOST_HEAD_BYTES = 32 * 1024
# Requests that a client sent without waiting for the answer to its first; past them it is not read from.
MOST_PIPELINED = 16
# A client that is still sending an oversized body reads no answer: take in so many times the limit, then hang up.
PATIENCE = 4
# Longer than what SageMaker and load balancers keep a connection, so that they are who closes it.
KEEP_ALIVE_SECONDS = 75
READ_SECONDS, WRITE_SECONDS, LINGER_SECONDS = 30, 30, 2
LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Request:
    """What a client asks. `refusal` is what the connection itself has against it."""

    __slots__ = ("began", "body", "connection", "headers", "id", "is_last", "method", "refusal", "size", "target")

    def __init__(self, connection: "Connection") -> None:
        self.connection = connection
        self.began = monotonic()
        self.target = self.method = self.id = self.body = b""
        self.headers: dict[bytes, bytes] = {}
        self.size = 0
        self.is_last = False
        self.refusal: RequestError | None = None

    def is_wanted(self) -> bool:
        """Whether the client is still there to read an answer."""
        return self.connection.is_waiting_for(self)


class Connection(asyncio.Protocol):
    """Hands each request on once it is read whole, and the next one when that one is answered."""

    def __init__(self, clients: Clients, handle: Callable[[Request], None]) -> None:
        self._clients, self._handle = clients, handle
        self.deadline = monotonic() + KEEP_ALIVE_SECONDS
        self._parser = httptools.HttpRequestParser(self)
        self._parts: list[bytes] = []
        self._head_bytes = 0
        self._reading: Request | None = None
        self._answering: Request | None = None
        self._behind: deque[Request] = deque()
        self._is_handing_on = self._is_unread = self._is_deaf = self._is_ending = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the client in, if there is a place."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but its class.
        if not self._clients.add(self):
            self._refuse(RequestError(503, "server", "no place", "is left for a connection", "call again later"))

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the client and what it asked."""
        for request in (self._reading, self._answering, *self._behind):
            self._clients.bytes_held -= request.size if request else 0
        self._parts.clear()
        self._reading = self._answering = None
        self._behind.clear()
        self._is_ending = self._is_deaf = True
        self._clients.remove(self)

    def data_received(self, data: bytes) -> None:
        """Read on."""
        if self._is_deaf:
            return
        self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._end()
        except httptools.HttpParserError as error:
            self._refuse(RequestError(400, "request", repr(data[:40]), f"is not HTTP/1.1 ({error})", "send HTTP/1.1"))
        if self._head_bytes > MOST_HEAD_BYTES and not self._is_deaf:
            self._refuse(_long_head())

    def pause_writing(self) -> None:
        """Take in no more from a client that does not read its answers."""
        self._is_unread = True
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on with a client that has read."""
        self._is_unread = False
        self._transport.resume_reading()
        self._set_deadline()
        if not self._is_handing_on:
            self._hand_on()

    def on_message_begin(self) -> None:
        """Begin a request; here and below httptools tells what it found."""
        if self._is_deaf:
            return
        self._reading = Request(self)
        self._set_deadline()

    def on_url(self, url: bytes) -> None:
        """Take a piece of the path."""
        if self._reading:
            self._reading.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        if self._reading:
            self._reading.headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        """Refuse early what says itself that it is too large."""
        request = self._reading
        if request is None:
            return
        if len(request.target) + sum(map(len, chain(*request.headers.items()))) > MOST_HEAD_BYTES:
            self._refuse(_long_head())
            return
        request.method = self._parser.get_method()
        request.is_last = not self._parser.should_keep_alive() or self._parser.get_http_version() == "1.0"
        length = int(request.headers.get(b"content-length", b"0"))
        if length > PATIENCE * MOST_BYTES:
            self._refuse(_too_large())
        elif length > MOST_BYTES:
            request.refusal = _too_large()
        if b"expect" in request.headers and not self._is_deaf:
            if request.refusal:
                self._refuse(request.refusal)
            elif self._answering is None:
                self._transport.write(CONTINUE)

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body, unless it is too much."""
        self._head_bytes = 0
        request = self._reading
        if request is None:
            return
        request.size += len(body)
        if request.size > PATIENCE * MOST_BYTES:
            self._refuse(request.refusal or _too_large())
        elif request.refusal is None and request.size > MOST_BYTES:
            request.refusal = _too_large()
        elif request.refusal is None and self._clients.bytes_held > self._clients.most_bytes_held:
            request.refusal = RequestError(429, "server", "no memory", "is left for bodies", "call again later")
        if request.refusal:
            self._parts.clear()
        else:
            self._parts.append(body)
        self._clients.bytes_held += len(body)

    def on_message_complete(self) -> None:
        """Hand the request on."""
        self._head_bytes = 0
        request, self._reading = self._reading, None
        if request is None:
            return
        request.body = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts.clear()
        self._behind.append(request)
        if len(self._behind) > MOST_PIPELINED:
            self._transport.pause_reading()
        if not self._is_handing_on:
            self._hand_on()

    def is_waiting_for(self, request: Request) -> bool:
        """Whether this request is the one to answer now."""
        return self._answering is request

    def answer(self, request: Request, status: int, headers: bytes, body: bytes) -> None:
        """Write an answer; whoever has gone meanwhile gets none."""
        if self._answering is not request:
            return
        self._answering = None
        self._clients.bytes_held -= request.size
        is_last = request.is_last or self._clients.are_leaving
        head = b"%b%bcontent-length: %d\r\n%b\r\n" % (
            LINES[status],
            headers,
            len(body),
            b"connection: close\r\n" if is_last else b"",
        )
        self._transport.write(head if request.method == b"HEAD" else head + body)
        if is_last:
            self._end()
        else:
            self._set_deadline()
            if not self._is_handing_on and self._behind:
                self._hand_on()

    def expire(self) -> None:
        """Do what a passed deadline asks for: an idle client is let go, a slow one is told, a deaf one is cut off."""
        if self._reading and not (self._is_unread or self._is_ending):
            rule = f"took longer than {READ_SECONDS} seconds to send"
            self._refuse(RequestError(408, "request", "its client", rule, "send it at once"))
        elif self._answering or self._is_ending or self._transport.get_write_buffer_size():
            self._transport.abort()
        else:
            self._transport.close()

    def leave_soon(self, seconds: float) -> None:
        """Wait so long for a further request, then close; a request that is being read or answered is finished."""
        if not self._answering and not self._reading and not self._is_ending:
            self.deadline = min(self.deadline, monotonic() + seconds)

    def _hand_on(self) -> None:
        self._is_handing_on = True
        while self._behind and not (self._answering or self._is_unread or self._is_ending):
            self._answering = request = self._behind.popleft()
            self.deadline = inf
            self._handle(request)
        self._is_handing_on = False
        if len(self._behind) <= MOST_PIPELINED and not (self._is_unread or self._is_ending):
            self._transport.resume_reading()

    def _set_deadline(self) -> None:
        if self._is_unread:
            self.deadline = monotonic() + WRITE_SECONDS
        elif self._answering:
            self.deadline = inf
        else:
            self.deadline = self._reading.began + READ_SECONDS if self._reading else monotonic() + KEEP_ALIVE_SECONDS

    def _refuse(self, refusal: RequestError) -> None:
        """Answer, after those before it, what cannot be read to its end; nothing is read after it."""
        request = self._reading or Request(self)
        self._reading, request.refusal, request.is_last, self._is_deaf = None, refusal, True, True
        self._parts.clear()
        self._behind.append(request)
        if not self._is_handing_on:
            self._hand_on()

    def _end(self) -> None:
        """Close once all is written; what the client still sends is read away, for unread it would undo the answer."""
        self._is_ending = self._is_deaf = True
        self.deadline = monotonic() + LINGER_SECONDS
        if not self._transport.is_closing():
            self._transport.write_eof()
            self._transport.resume_reading()


def _long_head() -> RequestError:
    return RequestError(431, "head", f"more than {MOST_HEAD_BYTES} bytes", "are too many", "send fewer headers")


def _too_large() -> RequestError:
    return RequestError(413, "body", f"more than {MOST_BYTES} bytes", "are too many", "send several requests")
