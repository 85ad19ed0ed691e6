"""The model server under load and abuse: nonsense, crowds, a lost process, an end in the middle of it all."""

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from tests.ml.serving import abuse
from tests.ml.serving.abuse import exchange, post
from tests.ml.serving.processes import GOOD, Light, Server, serving, wait_for

CLIENTS = 16


def said(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def test_nonsense_is_answered_or_refused_and_never_an_error_of_the_server(
    light_server: Server, record_property: Callable[[str, object], None]
) -> None:
    statuses = abuse.run(abuse.fuzz(light_server.port, 2000, seed=5))
    assert sum(statuses.values()) == 2000
    assert {200, 400, 404, 405, 415} <= set(statuses)
    assert light_server.client.post("/v1/predict", json=GOOD).status_code == 200
    record_property("figure", f"2000 bodies: {dict(sorted(statuses.items()))}")


def test_a_crowd_is_served_or_refused_in_bounded_memory(light_server: Server) -> None:
    before = abuse.peak_mib(light_server.process.pid)
    statuses = abuse.run(abuse.crowd(light_server.port, 600))
    assert set(statuses) <= {200, 429}
    assert sum(statuses.values()) == 600
    assert statuses[200] >= 512
    assert abuse.peak_mib(light_server.process.pid) - before < 64


async def keep_asking(ask: Callable[[], Awaitable[None]], end: asyncio.Event) -> None:
    while not end.is_set():
        await ask()


def test_an_end_under_load_fails_no_request(light: Light, tmp_path: Path) -> None:
    base, environment = light
    answered = {"old": 0, "new": 0}

    async def story(old: Server, new: Server) -> None:
        end = asyncio.Event()

        async def client() -> None:
            """Stay with one server until it says goodbye or is gone, as a load balancer does; then go to the next."""
            for name, port in (("old", old.port), ("new", new.port)):
                try:
                    reader, writer = await asyncio.open_connection("127.0.0.1", port)
                except ConnectionRefusedError:
                    continue
                last = False
                while not (last or end.is_set()):
                    writer.write(post())
                    head = await reader.readuntil(b"\r\n\r\n")
                    assert head.startswith(b"HTTP/1.1 200 OK")
                    await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
                    answered[name] += 1
                    last = b"connection: close" in head
                writer.close()

        clients = [asyncio.create_task(client()) for _ in range(CLIENTS)]
        while answered["old"] < 500:
            await asyncio.sleep(0.01)
        old.process.send_signal(signal.SIGTERM)
        while answered["new"] < 500:
            await asyncio.sleep(0.01)
        end.set()
        await asyncio.gather(*clients)

    with (
        serving(base, log=tmp_path / "old", **environment) as old,
        serving(base, log=tmp_path / "new", **environment) as new,
    ):
        abuse.run(asyncio.wait_for(story(old, new), 240))
        assert old.process.wait(timeout=120) == 0
    lines = said(tmp_path / "old")
    assert {line.get("event") for line in lines} == {None, "loaded", "leaving"}
    assert sum(line.get("status") == 200 for line in lines) == answered["old"]


def test_a_worker_that_is_killed_under_load_loses_no_request_silently(light: Light, tmp_path: Path) -> None:
    base, environment = light
    outcomes = {"answer": 0, "error": 0}

    async def story(server: Server, worker: int) -> None:
        end = asyncio.Event()

        async def ask() -> None:
            """Ask until the connection breaks; `exchange` does not wait for ever."""
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            try:
                while not end.is_set():
                    assert (await exchange(reader, writer, post())).status == 200
                    outcomes["answer"] += 1
            except (ConnectionError, EOFError):
                outcomes["error"] += 1
            writer.close()

        clients = [asyncio.create_task(keep_asking(ask, end)) for _ in range(CLIENTS)]
        while outcomes["answer"] < 500:
            await asyncio.sleep(0.01)
        os.kill(worker, signal.SIGKILL)
        while "worker lost" not in (tmp_path / "log").read_text() or outcomes["answer"] < 2000:
            await asyncio.sleep(0.01)
        end.set()
        await asyncio.gather(*clients)

    with serving(base, log=tmp_path / "log", GROUNDPLAN_WORKERS="2", **environment) as server:
        wait_for(lambda: (tmp_path / "log").read_text().count('"loaded"') == 2)
        workers = [line["process"] for line in said(tmp_path / "log")]
        abuse.run(asyncio.wait_for(story(server, workers[0]), 240))
        wait_for(lambda: (tmp_path / "log").read_text().count('"loaded"') == 3)
        counted = server.client.get("/metrics").text
    assert outcomes["error"] <= CLIENTS
    (total,) = (
        line for line in counted.splitlines() if line.startswith('groundplan_invocation_seconds_count{model="r')
    )
    assert int(total.rsplit(" ", 1)[1]) >= outcomes["answer"]
    assert server.process.returncode == 0


def test_several_workers_refuse_a_damaged_bundle_all_together(light: Light, tmp_path: Path) -> None:
    from tests.ml.jobs import Job
    from tests.ml.serving.test_server import damage

    finished = Job(base=damage(light[0], tmp_path), environment={"GROUNDPLAN_WORKERS": "2", **light[1]}).run("serve")
    assert finished.code == 2
    assert "model.onnx is damaged" in finished.said


def test_folders_of_bundles_are_several_models(light: Light, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    for name in ("one", "another-one"):
        (tmp_path / "model" / name).symlink_to(light[0] / "model")
    with serving(tmp_path, log=tmp_path / "log", **light[1]) as server:
        for name in ("one", "another-one"):
            assert server.client.post(f"/v1/models/{name}/predict", json=GOOD).status_code == 200


def test_a_leaving_server_finishes_what_was_begun_behind_a_closed_port(light: Light, tmp_path: Path) -> None:
    base, environment = light

    async def story(server: Server) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        request = post()
        writer.write(request[:-1])
        while "groundplan_connections 2" not in server.client.get("/metrics").text:
            await asyncio.sleep(0.01)
        server.process.send_signal(signal.SIGTERM)
        with contextlib.suppress(ConnectionRefusedError):
            while True:  # To its end, which the time of the whole story bounds.
                # A connection that nobody took yet is reset where a worker closes its port.
                with contextlib.suppress(ConnectionResetError):
                    _, other = await asyncio.open_connection("127.0.0.1", server.port)
                    other.close()
                await asyncio.sleep(0.02)
        assert (await exchange(reader, writer, request[-1:])).status == 200
        writer.close()

    for workers in ("1", "2"):
        environment = {**environment, "GROUNDPLAN_WORKERS": workers}
        with serving(base, log=tmp_path / workers, **environment) as server:
            wait_for(lambda log=tmp_path / workers, n=int(workers): log.read_text().count('"loaded"') == n)  # type: ignore[misc]
            abuse.run(asyncio.wait_for(story(server), 240))
            assert server.process.wait(timeout=120) == 0
