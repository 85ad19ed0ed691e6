"""Clients that ask one server over and over: `python -m ci.bench.serve_clients PORT PATH CLIENTS SECONDS`.

Prints requests per second and the latency's median and 99th percentile. Each client has one connection and asks anew
when it has its answer; as little as can be is done between, for the clients share the machine with the server.
"""

import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass
from functools import partial
from random import Random
from typing import cast

import uvloop

SECONDS_TO_WARM_UP = 0.4
SECONDS_TO_ANSWER = 20
WORDS = (
    "a",
    "quiet",
    "lovely",
    "film",
    "that",
    "never",
    "decides",
    "what",
    "it",
    "wants",
    "and",
    "moves",
    "all",
    "same",
)
TEXTS, SEED = 50, 5


@dataclass(frozen=True)
class Figures:
    """What clients saw."""

    per_second: float
    p50_ms: float
    p99_ms: float


class _Client(asyncio.Protocol):
    def __init__(self, requests: list[bytes], took: list[tuple[float, float]], first: int) -> None:
        self._requests, self._took, self._next = requests, took, first
        self._heard = b""
        self.end = 0.0
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def ask(self) -> None:
        self._next += 1
        self._began = time.perf_counter()
        self._transport.write(self._requests[self._next % len(self._requests)])

    def data_received(self, data: bytes) -> None:
        self._heard += data
        head, separator, body = self._heard.partition(b"\r\n\r\n")
        if not separator or len(body) < int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]):
            return
        if not head.startswith(b"HTTP/1.1 200"):
            self.done.set_exception(RuntimeError(f"answered {self._heard[:300]!r}"))
            return
        now = time.perf_counter()
        self._took.append((now, now - self._began))
        self._heard = b""
        if now < self.end:
            self.ask()
        else:
            self.done.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(RuntimeError(f"the server closed the connection ({exc})"))


def requests(path: str) -> list[bytes]:
    """Return requests with texts of 4 to 40 words, always the same."""
    random = Random(SEED)  # noqa: S311
    found = []
    for _ in range(TEXTS):
        text = " ".join(random.choices(WORDS, k=random.randint(4, 40)))
        body = json.dumps({"instances": [{"text": text}]}).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        found.append(head.encode() + body)
    return found


async def measure(port: int, path: str, clients: int, seconds: float) -> Figures:
    """Ask for so long, after warming up."""
    loop, took = asyncio.get_running_loop(), list[tuple[float, float]]()
    makers = [partial(_Client, requests(path), took, number) for number in range(clients)]
    made = [await loop.create_connection(maker, "127.0.0.1", port) for maker in makers]
    began = time.perf_counter() + SECONDS_TO_WARM_UP
    for _, client in made:
        client.end = began + seconds
        client.ask()
    async with asyncio.timeout(SECONDS_TO_WARM_UP + seconds + SECONDS_TO_ANSWER):
        await asyncio.gather(*(client.done for _, client in made))
    for transport, _ in made:
        transport.close()
    counted = sorted(latency for end, latency in took if began <= end <= began + seconds)
    milliseconds = [counted[int(len(counted) * share)] * 1000 for share in (0.5, 0.99)]
    return Figures(len(counted) / seconds, *milliseconds)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        figures = runner.run(measure(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])))
    print(json.dumps(asdict(figures)))
