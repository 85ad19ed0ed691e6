"""Clients that ask one server over and over: `python -m ci.bench.serve_clients PORT PATH CLIENTS SECONDS`.

Prints requests per second and the latency's median and 99th percentile. Each client has one connection and asks anew
when it has its answer; as little as can be is done between, for the clients share the machine with the server.
"""

import json
import re
import select
import socket
import sys
import time
from dataclasses import asdict, dataclass
from random import Random

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
LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Figures:
    """What clients saw."""

    per_second: float
    p50_ms: float
    p99_ms: float


class _Client:
    """One connection. Of an answer's head it looks at the status and the length, which all servers here send."""

    def __init__(self, port: int, requests: list[bytes], first: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._requests, self._next = requests, first
        self._heard = b""

    def ask(self) -> None:
        self._next += 1
        self.began = time.perf_counter()
        self.socket.sendall(self._requests[self._next % len(self._requests)])

    def has_answer(self) -> bool:
        """Read what has come; say whether that is the whole answer."""
        came = self.socket.recv(1 << 16)
        if not came:
            raise RuntimeError(f"the server closed the connection after {self._heard[:300]!r}")
        self._heard += came
        head, separator, body = self._heard.partition(b"\r\n\r\n")
        if not separator or len(body) < int(LENGTH.search(head)[1]):  # type: ignore[index]
            return False
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"answered {self._heard[:300]!r}")
        self._heard = b""
        return True


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


def measure(port: int, path: str, clients: int, seconds: float) -> Figures:
    """Ask for so long, after warming up."""
    asked, poll, took = requests(path), select.epoll(), list[float]()
    asking = {client.socket.fileno(): client for client in (_Client(port, asked, first) for first in range(clients))}
    begin = time.perf_counter() + SECONDS_TO_WARM_UP
    end = begin + seconds
    for number, client in asking.items():
        poll.register(number, select.EPOLLIN)
        client.ask()
    while asking:
        ready = poll.poll(SECONDS_TO_ANSWER)
        if not ready:
            raise RuntimeError(f"{len(asking)} of {clients} clients got no answer in {SECONDS_TO_ANSWER} s")
        for number, _ in ready:
            client = asking[number]
            if not client.has_answer():
                continue
            now = time.perf_counter()
            if begin <= now <= end:
                took.append(now - client.began)
            if now < end:
                client.ask()
            else:
                del asking[number]
                client.socket.close()
    took.sort()
    return Figures(len(took) / seconds, *(took[int(len(took) * share)] * 1000 for share in (0.5, 0.99)))


if __name__ == "__main__":
    print(json.dumps(asdict(measure(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])))))
