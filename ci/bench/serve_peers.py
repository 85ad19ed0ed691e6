"""The model server with all it does against servers as their guides write them, one model and one handler for all.

A light model shows what the server itself takes: at 1, 8 and 64 clients, by requests and by latency. Bare sockets, the
least that can ask the handler, show what is left to gain at one client. A heavy model shows what batching gives: at 32
clients, where those peers that batch do too.
"""

import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from ci.bench import serve_models
from ci.bench.process import python
from ci.bench.row import Row, compare
from ci.bench.serve_clients import Figures
from ci.bench.train import LOCK
from ci.child_environment import child_environment
from ci.own_environment import python_of
from ci.workspace import ROOT, Workspace

OURS = "ours"
RAW = "raw ASGI"
# How much of their time a request may take: five, ten and one and a half times as many requests a second; 0.95 as many.
LIGHT_BOUNDS = {"LitServe": 1 / 5, "BentoML": 1 / 10, "FastAPI": 1 / 1.5, RAW: 1 / 0.95}
# In the table only, and no bound on us. Bare sockets neither check, limit, count nor batch, and read no HTTP; BentoML
# counts and writes an access log as it comes, as ours does, and is faster without both.
SHOWN = ("bare sockets", "silent BentoML")
LIGHT_CLIENTS, HEAVY_CLIENTS = (1, 8, 64), 32
HEAVY = (RAW, "FastAPI", "LitServe in batches", "BentoML in batches")
# Of the heavy model's batches a round has some sixty: the slowest alone decides over its 99th percentile.
ROUNDS, LIGHT_SECONDS, HEAVY_SECONDS = 5, 1.0, 4.0
SECONDS_TO_START = 60

Measured = dict[str, Figures]


def run() -> dict[str, Row]:
    """Measure both models; each server is asked in turns with the others."""
    rows: dict[str, Row] = {}
    with _servers(serve_models.light, (*LIGHT_BOUNDS, *SHOWN)) as ports:
        for clients in LIGHT_CLIENTS:
            rows |= _light_rows(clients, _in_turns(ports, clients, LIGHT_SECONDS))
    with _servers(serve_models.heavy, HEAVY) as ports:
        figures = _in_turns(ports, HEAVY_CLIENTS, HEAVY_SECONDS)
    ours, peers = figures.pop(OURS), figures
    time_each = {name: 1000 / peer.per_second for name, peer in peers.items()}
    rows["serve_heavy_time"] = compare(1000 / ours.per_second, time_each, unit="ms a request", bound=1.0)
    p99 = {name: peer.p99_ms for name, peer in peers.items()}
    rows["serve_heavy_p99"] = compare(ours.p99_ms, p99, unit="ms", bound=1.0)
    return rows


def _light_rows(clients: int, figures: Measured) -> dict[str, Row]:
    def row(peer: str, bound: float) -> Row:
        theirs = {peer: 1000 / figures[peer].per_second}
        return compare(1000 / figures[OURS].per_second, theirs, unit="ms a request", bound=round(bound, 4))

    rows = {f"serve_{clients}_{peer.split()[0].lower()}": row(peer, bound) for peer, bound in LIGHT_BOUNDS.items()}
    p99 = compare(figures[OURS].p99_ms, {RAW: figures[RAW].p99_ms}, unit="ms", bound=1.0)
    return {**rows, f"serve_{clients}_p99": p99}


def _in_turns(ports: Mapping[str, int], clients: int, seconds: float) -> Measured:
    """Return each server's best round: noise on a shared machine only ever takes away."""
    rounds: dict[str, list[Figures]] = {name: [] for name in ports}
    for _ in range(ROUNDS):
        for name, port in ports.items():
            path = "/v1/predict" if name == OURS else "/"
            asked = ("-m", "ci.bench.serve_clients", str(port), path, str(clients), str(seconds))
            said = subprocess.run(python(*asked), cwd=ROOT, env=child_environment(), capture_output=True, text=True)
            if said.returncode:
                raise RuntimeError(f"{name} at {clients} clients: {said.stderr[-1000:]}")
            rounds[name].append(Figures(**json.loads(said.stdout)))
    best = {name: _best(each) for name, each in rounds.items()}
    table = Table(f"{clients} clients", "requests/s", "p50 ms", "p99 ms")
    for name, found in best.items():
        table.add_row(name, f"{found.per_second:,.0f}", f"{found.p50_ms:.2f}", f"{found.p99_ms:.2f}")
    Console().print(table)
    return best


def _best(rounds: list[Figures]) -> Figures:
    per_second, p50, p99 = zip(*((each.per_second, each.p50_ms, each.p99_ms) for each in rounds), strict=True)
    return Figures(max(per_second), min(p50), min(p99))


@contextmanager
def _servers(write_network: Callable[[Path], None], peers: tuple[str, ...]) -> Iterator[dict[str, int]]:
    """Start ours and the peers on one bundle; give the port of each once all answer."""
    other = str(python_of(Workspace(), LOCK, "bench", sees_ours=True))
    with tempfile.TemporaryDirectory() as place, ExitStack() as stack:
        base = Path(place)
        key = serve_models.make(base, write_network)
        ports = {name: _free_port() for name in (OURS, *peers)}
        from ml.contract import PUBLIC_KEY_VARIABLE

        ours = {"SAGEMAKER_BASE_DIR": place, "SAGEMAKER_BIND_TO_PORT": str(ports[OURS]), PUBLIC_KEY_VARIABLE: key}
        stack.enter_context(_started(python("-m", "ml", "serve"), base / "ours.log", ours))
        for name in peers:
            command = [other, "-m", "ci.bench.serve_rivals", name, str(base / "model"), str(ports[name])]
            home = {"BENTOML_HOME": str(base / "bentoml"), "BENTOML_DO_NOT_TRACK": "True", "PYTHONPATH": str(ROOT)}
            stack.enter_context(_started(command, base / f"{name}.log", home))
        for name, port in ports.items():
            _await(port, base / f"{name}.log")
        yield ports


@contextmanager
def _started(command: list[str], log: Path, variables: Mapping[str, str]) -> Iterator[None]:
    """Run a server with all its processes in a group of their own, which ends as one."""
    environment = child_environment({"OMP_WAIT_POLICY": "passive", **variables})
    with log.open("w") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=output, stderr=output, start_new_session=True
        )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _await(port: int, log: Path) -> None:
    """Wait until the server answers."""
    deadline = time.monotonic() + SECONDS_TO_START
    asked = python("-m", "ci.bench.serve_clients", str(port), "/v1/predict" if log.stem == OURS else "/", "1", "0.1")
    while subprocess.run(asked, cwd=ROOT, env=child_environment(), capture_output=True).returncode:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{log.stem} does not answer:\n{log.read_text()[-2000:]}")
        time.sleep(0.2)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
