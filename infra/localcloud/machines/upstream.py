"""The way from the cloud to a model server on the loopback: HTTP/1.1 over connections that stay open.

A general client costs a large part of a millisecond a request; this one writes the request as bytes and lets httptools
read the answer.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, cast

import httptools


class ServerGoneError(Exception):
    """The server closed the connection before it had answered."""


class UnreachableError(ServerGoneError):
    """The server cannot be connected to; the request was not sent."""


@dataclass
class Answer:
    """A whole answer."""

    status: int = 0
    headers: dict[bytes, bytes] = field(default_factory=dict)
    body: bytes = b""


class _Connection(asyncio.Protocol):
    """One connection; carries one request at a time."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.reusable = True
        self._waiting: asyncio.Future[Answer] | None = None
        self._expect_answer()

    def _expect_answer(self) -> None:
        self._answer = Answer()
        self._chunks: list[bytes] = []
        self._parser: Any = httptools.HttpResponseParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but its class.

    def connection_lost(self, exc: Exception | None) -> None:
        self.reusable = False
        if self._waiting and not self._waiting.done():
            self._waiting.set_exception(ServerGoneError("closed the connection before it answered"))

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self.close()
            if self._waiting and not self._waiting.done():
                self._waiting.set_exception(ServerGoneError(f"did not answer in HTTP ({error})"))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._answer.headers[name.lower()] = value

    def on_body(self, body: bytes) -> None:
        self._chunks.append(body)

    def on_message_complete(self) -> None:
        self._answer.status = self._parser.get_status_code()
        if self._answer.status < 200:  # 100 Continue: the answer proper follows.
            self._expect_answer()
            return
        self._answer.body = b"".join(self._chunks)
        self.reusable = self.reusable and self._parser.should_keep_alive()
        if self._waiting and not self._waiting.done():
            self._waiting.set_result(self._answer)

    def ask(self, parts: Iterable[bytes]) -> "asyncio.Future[Answer]":
        """Send a request; its answer comes in the future."""
        assert self.transport is not None
        self._expect_answer()
        self._waiting = asyncio.get_running_loop().create_future()
        self.transport.writelines(parts)
        return self._waiting

    def close(self) -> None:
        self.reusable = False
        if self.transport:
            self.transport.close()


class Upstream:
    """The connections to one server. Used on the event loop only."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[_Connection] = []

    async def post(self, path: str, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> Answer:
        """The server's answer. Raises ServerGoneError; cancelling it closes the connection."""
        lines = b"".join(b"%b: %b\r\n" % header for header in headers)
        head = b"POST %b HTTP/1.1\r\nhost: 127.0.0.1:%d\r\ncontent-length: %d\r\n%b\r\n" % (
            *(path.encode("latin-1"), self._port, len(body)),
            lines,
        )
        while connection := self._take():
            # The server may close a connection that was idle just as we write on it: that is no failure of the request.
            try:
                return await self._exchange(connection, (head, body))
            except ServerGoneError:
                continue
        return await self._exchange(await self._connect(), (head, body))

    def _take(self) -> _Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.reusable:
                return connection
        return None

    async def _connect(self) -> _Connection:
        loop = asyncio.get_running_loop()
        try:
            _, connection = await loop.create_connection(_Connection, "127.0.0.1", self._port)
        except OSError as error:
            raise UnreachableError(f"cannot be connected to ({error})") from error
        return connection

    async def _exchange(self, connection: _Connection, parts: Iterable[bytes]) -> Answer:
        try:
            answer = await connection.ask(parts)
        except BaseException:
            connection.close()
            raise
        if connection.reusable:
            self._idle.append(connection)
        else:
            connection.close()
        return answer
