"""One connection without a model: what a client may send, how it is told no, and who waits for whom."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
import uvloop

from ml.serving import clients, connection
from ml.serving.clients import Clients
from ml.serving.connection import Connection, Request

Story = Callable[["Desk"], Awaitable[None]]


class Desk:
    """A server that answers each path with itself, `/later` only when it is told to."""

    def __init__(self) -> None:
        self.clients = Clients()
        self.held: list[Request] = []
        self.port = 0

    def handle(self, request: Request) -> None:
        if request.target == b"/later":
            self.held.append(request)
        else:
            self.answer(request)

    def answer(self, request: Request) -> None:
        if request.refusal:
            request.connection.answer(request, request.refusal.status, b"", str(request.refusal).encode())
        else:
            request.connection.answer(request, 200, b"", request.target + b":" + request.body[:20])

    async def say(self, *parts: bytes) -> "Client":
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        client = Client(reader, writer)
        client.say(*parts)
        return client


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def say(self, *parts: bytes) -> None:
        self.writer.writelines(parts)

    async def hears(self, says: bytes) -> None:
        assert says in await asyncio.wait_for(self.reader.readuntil(says), 120)

    async def hears_all(self) -> bytes:
        """Read to the end, which comes."""
        heard = await asyncio.wait_for(self.reader.read(), 120)
        self.writer.close()
        return heard


def tell(story: Story) -> None:
    async def told() -> None:
        desk = Desk()
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Connection(desk.clients, desk.handle), "127.0.0.1", 0)
        desk.port = server.sockets[0].getsockname()[1]
        ticking = asyncio.create_task(tick(desk.clients))
        await story(desk)
        server.close()
        desk.clients.begin_to_leave()
        await asyncio.wait_for(desk.clients.have_left(), 120)
        ticking.cancel()
        assert desk.clients.bytes_held == 0

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(told())


async def tick(all_of_them: Clients) -> None:
    while True:
        await asyncio.sleep(0.01)
        all_of_them.tick(connection.monotonic())


def get(path: str, *headers: str) -> bytes:
    return "\r\n".join((f"GET {path} HTTP/1.1", "host: x", *headers, "", "")).encode()


def post(path: str, body: bytes, *headers: str) -> bytes:
    head = (f"POST {path} HTTP/1.1", "host: x", f"content-length: {len(body)}", *headers, "", "")
    return "\r\n".join(head).encode() + body


CLOSE = "connection: close"


def test_requests_sent_at_once_are_answered_in_their_order() -> None:
    async def story(desk: Desk) -> None:
        client = await desk.say(get("/later"), post("/second", b"two"), get("/third", CLOSE))
        while not desk.held:
            await asyncio.sleep(0)
        desk.answer(desk.held.pop())
        heard = await client.hears_all()
        assert heard.index(b"/later:") < heard.index(b"/second:two") < heard.index(b"/third:")
        assert heard.count(b"HTTP/1.1 200 OK") == 3

    tell(story)


def test_a_thousand_requests_in_one_breath_do_not_fill_the_memory() -> None:
    async def story(desk: Desk) -> None:
        client = await desk.say(get("/later"), get("/x") * 1000, get("/last", CLOSE))
        while not desk.held:
            await asyncio.sleep(0)
        desk.answer(desk.held.pop())
        heard = await client.hears_all()
        assert heard.count(b"/x:") == 1000
        assert heard.endswith(b"/last:")

    tell(story)


@pytest.mark.parametrize("cut", [1, 7, 30])
def test_a_request_may_come_in_pieces(cut: int) -> None:
    async def story(desk: Desk) -> None:
        whole = post("/x", b"a body", CLOSE)
        client = await desk.say()
        for start in range(0, len(whole), cut):
            client.say(whole[start : start + cut])
            await asyncio.sleep(0.001)
        assert (await client.hears_all()).endswith(b"/x:a body")

    tell(story)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"GET\r\n\r\n", 400),
        (b"GET /x HTTP/1.1\r\nhost: x\r\ncontent-length: -4\r\n\r\n", 400),
        (b"POST /x HTTP/1.1\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST /x HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", 400),
        (get("/x", "long: " + "y" * 40_000), 431),
        (get("/" + "x" * 40_000), 431),
        (get("/x") + b"nonsense\r\n\r\n", 400),
        (b"POST /x HTTP/1.1\r\ncontent-length: 99999999\r\n\r\n", 413),
        (b"POST /x HTTP/1.1\r\ncontent-length: 9999999\r\nexpect: 100-continue\r\n\r\n", 413),
    ],
)
def test_what_cannot_be_read_is_refused_and_the_connection_closed(request_: bytes, status: int) -> None:
    async def story(desk: Desk) -> None:
        client = await desk.say(request_)
        heard = await client.hears_all()
        assert b"HTTP/1.1 %d " % status in heard
        assert b"connection: close" in heard

    tell(story)


def chunked(size: int, each: int = 65536) -> bytes:
    return b"%x\r\n%b\r\n" % (each, b"x" * each) * (size // each) + b"0\r\n\r\n"


@pytest.mark.parametrize(
    "request_",
    [
        post("/x", b"x" * 7_000_000),
        b"POST /x HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n" + chunked(7_000_000),
    ],
)
def test_a_body_that_is_too_large_is_told_so_and_the_next_request_answered(request_: bytes) -> None:
    async def story(desk: Desk) -> None:
        client = await desk.say(request_, get("/next", CLOSE))
        heard = await client.hears_all()
        assert heard.startswith(b"HTTP/1.1 413 ")
        assert heard.endswith(b"/next:")

    tell(story)


def test_bodies_of_all_clients_together_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "MOST_BYTES_HELD", 1000)

    async def story(desk: Desk) -> None:
        first = await desk.say(post("/later", b"x" * 1500, CLOSE))
        while not desk.held:
            await asyncio.sleep(0)
        second = await desk.say(post("/x", b"y", CLOSE))
        assert b"HTTP/1.1 429 " in await second.hears_all()
        desk.answer(desk.held.pop())
        assert b"HTTP/1.1 200 " in await first.hears_all()
        third = await desk.say(post("/x", b"y", CLOSE))
        assert b"HTTP/1.1 200 " in await third.hears_all()

    tell(story)


def test_one_connection_too_many_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "MOST_FILES", 1)

    async def story(desk: Desk) -> None:
        first = await desk.say(get("/x"))
        await first.hears(b"/x:")
        second = await desk.say()
        assert b"HTTP/1.1 503 " in await second.hears_all()
        first.say(get("/y", CLOSE))
        assert b"/y:" in await first.hears_all()

    tell(story)


@pytest.mark.parametrize("begun", [b"GET /x HT", post("/x", b"four")[:-1]])
def test_a_client_that_sends_too_slowly_is_told_so(begun: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "READ_SECONDS", 0.05)

    async def story(desk: Desk) -> None:
        client = await desk.say(begun)
        assert b"HTTP/1.1 408 " in await client.hears_all()

    tell(story)


def test_an_idle_client_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "KEEP_ALIVE_SECONDS", 0.4)

    async def story(desk: Desk) -> None:
        client = await desk.say(get("/x"))
        assert (await client.hears_all()).endswith(b"/x:")
        silent = await desk.say()
        assert await silent.hears_all() == b""

    tell(story)


def test_a_client_that_reads_nothing_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "WRITE_SECONDS", 0.05)

    async def story(desk: Desk) -> None:
        client = await desk.say(*[post("/" + "x" * 30_000, b"") for _ in range(400)])
        while len(desk.clients):
            await asyncio.sleep(0.01)
        client.writer.close()

    tell(story)


def test_who_expects_to_be_asked_is_asked_for_the_body() -> None:
    async def story(desk: Desk) -> None:
        head, body = post("/x", b"body", "expect: 100-continue", CLOSE).split(b"\r\n\r\n")
        client = await desk.say(head + b"\r\n\r\n")
        await client.hears(b"HTTP/1.1 100 Continue\r\n\r\n")
        client.say(body)
        assert (await client.hears_all()).endswith(b"/x:body")

    tell(story)


def test_old_clients_and_those_who_want_the_head_alone() -> None:
    async def story(desk: Desk) -> None:
        old = await desk.say(b"GET /x HTTP/1.0\r\n\r\n")
        assert (await old.hears_all()).endswith(b"/x:")
        head = await desk.say(get("/x", CLOSE).replace(b"GET", b"HEAD"))
        assert (await head.hears_all()).endswith(b"\r\n\r\n")

    tell(story)


def test_whoever_leaves_before_the_answer_is_no_longer_waited_for() -> None:
    async def story(desk: Desk) -> None:
        client = await desk.say(post("/later", b"x" * 1000))
        while not desk.held:
            await asyncio.sleep(0)
        assert desk.held[0].is_wanted()
        client.writer.close()
        while desk.held[0].is_wanted():
            await asyncio.sleep(0)
        desk.answer(desk.held.pop())

    tell(story)


def test_a_leaving_server_answers_once_more_and_says_that_it_was_the_last() -> None:
    async def story(desk: Desk) -> None:
        busy, idle = await desk.say(get("/later")), await desk.say(get("/x"))
        await idle.hears(b"/x:")
        while not desk.held:
            await asyncio.sleep(0)
        desk.clients.begin_to_leave()
        idle.say(get("/once-more"))
        assert b"connection: close" in await idle.hears_all()
        desk.answer(desk.held.pop())
        assert b"connection: close" in await busy.hears_all()

    tell(story)
