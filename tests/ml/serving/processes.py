"""Model servers as the platform starts them: a process each, on a port of its own."""

import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.ml.jobs import MODULE, ROOT, Job

# A container's folder, and the variables that its server needs.
Light = tuple[Path, dict[str, str]]
SECONDS_TO_START = 240
GOOD = {"instances": [{"text": "A gorgeous, funny film."}]}


@dataclass(frozen=True)
class Server:
    process: subprocess.Popen[str]
    client: httpx.Client
    port: int


@contextmanager
def serving(
    base: Path, program: Path = ROOT, launcher: tuple[str, ...] = MODULE, log: Path | None = None, **environment: str
) -> Iterator[Server]:
    """Serve what is in `base`; a `log` takes what the server says where that would fill a pipe."""
    with (
        reserved_port() as port,
        log.open("w") if log else nullcontext(subprocess.PIPE) as output,
        Job(base, program, {"SAGEMAKER_BIND_TO_PORT": str(port), **environment}).start(
            "serve", launcher=launcher, output=output
        ) as process,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=240) as client,
    ):
        try:
            wait_for(lambda: answers(client) or process.poll() is not None)
            assert process.poll() is None, process.communicate()[0]
            yield Server(process=process, client=client, port=port)
        finally:
            process.terminate()
            process.wait(timeout=120)


@contextmanager
def reserved_port() -> Iterator[int]:
    """A port that nobody else finds free in the seconds that a server needs to take it."""
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def answers(client: httpx.Client) -> bool:
    try:
        return client.get("/ping").status_code == 200
    except httpx.TransportError:
        return False


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.02)
