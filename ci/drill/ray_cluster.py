"""A real Ray cluster of processes on this machine: a head that runs no work, and nodes that come and go."""

import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from socket import create_server

import psutil

from ci.errors import WorkError

SECONDS_TO_START = 240
POLL_SECONDS = 0.3
OBJECT_STORE_BYTES = str(80 * 2**20)


class RayCluster:
    """A cluster at `address`; every node has so many `cpus`, as each worker of a job takes, so that it takes a node.

    Only who has the variables of `environment` may use it.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str], cpus: int) -> None:
        with create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        self.address = f"127.0.0.1:{port}"
        # Without a token of its own a cluster takes what it finds in the home folder, or is open to everybody here.
        token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        self.environment = {**environment, **token}
        self._folder, self._port, self._cpus = folder, port, cpus
        self._nodes: list[subprocess.Popen[bytes]] = []

    def start_head(self) -> None:
        """Start the head, which every node looks for."""
        where = (f"--port={self._port}", f"--temp-dir={self._folder}")
        self._start("--head", "--num-cpus=0", "--include-dashboard=false", *where)

    def add_node(self) -> None:
        """Start a node; it has joined when this returns. The head's monitor reads its logs: they lie in one folder."""
        self._start(f"--address={self.address}", f"--num-cpus={self._cpus}", "--include-log-monitor=false")

    def lose_node(self) -> None:
        """Kill the newest node, and all that runs on it, as when its machine is taken."""
        self._kill(self._nodes.pop())

    def end(self) -> None:
        """Kill everything, the head last."""
        while self._nodes:
            self._kill(self._nodes.pop())

    def _start(self, *words: str) -> None:
        log = self._folder / f"node-{len(self._nodes)}-{time.monotonic_ns()}.log"
        command = [
            sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--disable-usage-stats",
            "--node-ip-address=127.0.0.1", f"--object-store-memory={OBJECT_STORE_BYTES}", *words,
        ]  # fmt: skip
        with log.open("wb") as out:
            process = subprocess.Popen(command, env=self.environment, stdout=out, stderr=out)
        self._nodes.append(process)
        deadline = time.monotonic() + SECONDS_TO_START
        while "Ray runtime started" not in (said := log.read_text()):
            if process.poll() is not None or time.monotonic() > deadline:
                raise WorkError(
                    thing="Ray", value=f"a node that ended with {process.poll()}", rule="must start",
                    fix="see what it said", details=said.splitlines()[-15:],
                )  # fmt: skip
            time.sleep(POLL_SECONDS)

    @staticmethod
    def _kill(node: subprocess.Popen[bytes]) -> None:
        with suppress(psutil.NoSuchProcess):
            for process in psutil.Process(node.pid).children(recursive=True):
                process.kill()
        node.kill()
        node.wait()


@contextmanager
def running(environment: Mapping[str, str], nodes: int, cpus: int = 1) -> Iterator[RayCluster]:
    """Run a cluster; its processes and its folder go with the context."""
    # Ray makes sockets there, whose paths may have some 100 characters.
    with tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as folder:
        cluster = RayCluster(Path(folder), environment, cpus)
        try:
            cluster.start_head()
            for _ in range(nodes):
                cluster.add_node()
            yield cluster
        finally:
            cluster.end()
