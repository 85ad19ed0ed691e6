"""What a server on the internet meets: bodies of nonsense, crowds of clients. A few in CI; by hand as many as wanted:

python -m tests.ml.serving.abuse --bodies 100000 --connections 10000
"""

import argparse
import asyncio
import json
import resource
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import uvloop

WORDS = ("instances", "text", "a", "", "ü", "\U0001f600", "\ud800", "x" * 2001, " ", "null", "\x00")
TYPES = (*["application/json"] * 12, "application/JSON; charset=utf-8", "text/csv", "", "application/json\x00", "é")
PATHS = (*["/v1/predict", "/invocations", "/v1/explain"] * 4, "/", "/ping", "/v1/predict?x=1", "//", "/%00")
METHODS = (*["POST"] * 12, "GET", "PUT", "DELETE", "PATCH", "OPTIONS")
GOOD = json.dumps({"instances": [{"text": "a quiet, lovely film"}]}).encode()
SECONDS, SECONDS_FOR_MANGLED = 120, 0.03
# Every so many requests one is broken in its head too, on a connection of its own.
EACH_MANGLED = 20


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes


def any_json(random: Random, depth: int = 0) -> Any:
    """Return a value of JSON, likely one that is nearly right."""
    kind = random.randrange(9 if depth < 4 else 6)
    if kind < 3:
        return random.choice(WORDS)
    if kind < 6:
        return random.choice((None, True, 0, -1, 1e308, 10**30, 0.1))
    if kind < 7:
        return [any_json(random, depth + 1) for _ in range(random.randrange(4))]
    return {random.choice(WORDS): any_json(random, depth + 1) for _ in range(random.randrange(3))}


def any_body(random: Random) -> bytes:
    """Return a body: good, nearly good, JSON of some kind, or bytes."""
    kind = random.randrange(8)
    if kind == 0:
        return GOOD
    if kind == 1:
        return random.randbytes(random.randrange(200))
    if kind == 2:
        return GOOD[: random.randrange(len(GOOD))]
    if kind < 5:
        broken = bytearray(GOOD)
        for _ in range(random.randrange(1, 4)):
            broken[random.randrange(len(broken))] = random.randrange(256)
        return bytes(broken)
    if kind == 5:
        return json.dumps({"instances": [{"text": any_json(random)} for _ in range(random.randrange(70))]}).encode()
    if kind == 6:
        return random.choice((b"[" * 5000, b'{"a":' * 5000, b"1" * 5000, b'{"instances": NaN}', b"\xef\xbb\xbf{}"))
    return json.dumps(any_json(random)).encode()


def any_request(random: Random) -> bytes:
    """Return a whole request; its framing is right, for what comes after it must be found."""
    body = any_body(random)
    method, path, content_type = random.choice(METHODS), random.choice(PATHS), random.choice(TYPES)
    head = f"{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-type: {content_type}\r\n".encode()
    if random.randrange(4):
        return head + b"content-length: %d\r\n\r\n%b" % (len(body), body)
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:7], body[7:]) if part)
    return head + b"transfer-encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"


async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> Answer:
    """Send a request and read its answer; an early end is an error."""
    async with asyncio.timeout(SECONDS):
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        return Answer(int(head.split(b" ", 2)[1]), await reader.readexactly(length))


async def mangled(port: int, random: Random) -> int:
    """Send a request of which some bytes are others; return the status, 0 if the server still waited for its end."""
    request = bytearray(any_request(random)[:2000])
    for _ in range(random.randrange(1, 5)):
        request[random.randrange(min(120, len(request)))] = random.randrange(256)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        try:
            line = await asyncio.wait_for(reader.readline(), SECONDS_FOR_MANGLED)
        except TimeoutError:
            # Nothing more will come: a server that had all of the request answers it, one that had not hangs up.
            writer.write_eof()
            line = await asyncio.wait_for(reader.readline(), SECONDS)
            if not line:
                return 0
        return int(line.split(b" ", 2)[1])
    finally:
        writer.close()


async def fuzz(port: int, count: int, seed: int, lanes: int = 8) -> Counter[int]:
    """Send so many requests of nonsense; return the statuses. Whatever is no answer at all is an error."""
    statuses: Counter[int] = Counter()

    async def lane(random: Random, share: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in range(share):
            if number % EACH_MANGLED == 0:
                status = await mangled(port, random)
                statuses[status] += 1
                assert status in (0, 200) or 400 <= status < 500
                continue
            request = any_request(random)
            answer = await exchange(reader, writer, request)
            statuses[answer.status] += 1
            if answer.status == 200 and answer.body.startswith(b'{"pred'):
                assert json.loads(answer.body)["predictions"]
            if answer.status == 400 and b"is not HTTP" in answer.body:  # That connection is over.
                writer.close()
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            assert answer.status == 200 or 400 <= answer.status < 500, (request, answer)
        writer.close()

    await asyncio.gather(*(lane(Random(seed * 1000 + number), count // lanes) for number in range(lanes)))
    return statuses


async def crowd(port: int, count: int) -> Counter[int]:
    """Connect so many clients, let all ask at once, and return the statuses; -1 for each that was given none."""
    statuses: Counter[int] = Counter()
    gate, room = asyncio.Event(), asyncio.Semaphore(500)

    async def one() -> None:
        try:
            async with room:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            connected.append(writer)
            await gate.wait()
            statuses[(await exchange(reader, writer, post())).status] += 1
        except (OSError, EOFError, TimeoutError):
            statuses[-1] += 1

    connected: list[asyncio.StreamWriter] = []
    everybody = asyncio.gather(*(one() for _ in range(count)))
    while len(connected) + statuses[-1] < count:
        await asyncio.sleep(0.01)
    gate.set()
    await everybody
    for writer in connected:
        writer.close()
    return statuses


def post(path: str = "/v1/predict", body: bytes = GOOD) -> bytes:
    """Return a good request."""
    head = f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def run(story: Any) -> Any:
    """Run a coroutine on the loop that servers use too."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(story)


def peak_mib(pid: int) -> float:
    """Return the most memory that a process has held so far."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def main() -> None:
    """Abuse a server of the light model and print what came of it."""
    from ci.bench import serve_models
    from ml.contract import PUBLIC_KEY_VARIABLE
    from tests.ml.serving.processes import serving

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bodies", type=int, default=100_000)
    parser.add_argument("--connections", type=int, default=10_000)
    options = parser.parse_args()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with tempfile.TemporaryDirectory() as folder:
        key = serve_models.make(Path(folder), serve_models.light)
        with serving(Path(folder), log=Path(folder) / "log", **{PUBLIC_KEY_VARIABLE: key}) as server:
            for what, story in (
                (f"{options.bodies} bodies", fuzz(server.port, options.bodies, seed=5)),
                (f"{options.connections} clients at once", crowd(server.port, options.connections)),
            ):
                began, before = time.monotonic(), peak_mib(server.process.pid)
                statuses = run(story)
                told = " ".join(f"{status or 'no end'}:{number}" for status, number in sorted(statuses.items()))
                memory = f"{before:.0f} -> {peak_mib(server.process.pid):.0f} MiB at most"
                print(f"{what}: {told} in {time.monotonic() - began:.0f} s, {memory}", flush=True)


if __name__ == "__main__":
    main()
