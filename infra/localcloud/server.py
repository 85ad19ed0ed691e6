"""The process: one uvicorn server on 127.0.0.1 in front of the gateway, with predictions on a path of their own."""

import asyncio
import gc
import json
import logging
import os
import re
import signal
import time
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvicorn

from infra.localcloud import machines, services
from infra.localcloud.cloud import Cloud
from infra.localcloud.event_log import EventLog, LibraryHandler
from infra.localcloud.gateway import Gateway
from infra.localcloud.inventory import Inventory
from infra.localcloud.machines import api_invocations, invocations
from infra.localcloud.moto_app import MotoApp
from infra.localcloud.parsed_once import parsed_once
from infra.localcloud.port import listen
from infra.localcloud.record import CloudRecord, log_path, record_path
from infra.localcloud.wire import Answer, Environ

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

INVOCATION = re.compile(r"/endpoints/[^/]+/invocations(-response-stream)?")
WORKER_THREADS = 32
GRACE_SECONDS = 5
KEEP_ALIVE_SECONDS = 120
"""The AWS SDK for Go drops an idle connection after 90: the client must be first, else a request on its way is lost."""

LARGE_BODY = 8 * 2**20


def serve(name: str, folder: Path, program: Path, port: int) -> None:
    """Run the cloud until a signal stops it. Raises CloudError when the port is taken."""
    folder.mkdir(parents=True, exist_ok=True)
    with listen(port) as listener, log_path(folder).open("a") as stream:
        log = EventLog(stream)
        logging.basicConfig(handlers=[LibraryHandler(log)], level=logging.WARNING)
        taken = listener.getsockname()[1]
        url = f"http://127.0.0.1:{taken}"
        cloud = Cloud(name=name, folder=folder, url=url, program=program, log=log)
        record = CloudRecord(
            name=name, pid=os.getpid(), port=taken, url=url, started_at=datetime.now(UTC), folder=folder
        )
        app = CloudApp(cloud, record)
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
        )
        # uvicorn raises the signal again once it has stopped; by then there is nothing left to interrupt.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: None)
        uvicorn.Server(config).run(sockets=[listener])


class CloudApp:
    """The ASGI application: health and inventory of our own, predictions, and AWS for everything else."""

    def __init__(self, cloud: Cloud, record: CloudRecord) -> None:
        self._cloud = cloud
        self._record = record
        self._threads = ThreadPoolExecutor(WORKER_THREADS, thread_name_prefix="request")
        # Inventory first: it must see every moto backend being made.
        self._inventory = Inventory(cloud)
        with parsed_once():
            services.load()
            self._gateway = Gateway(cloud, MotoApp())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the process's own start and stop."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] != "http":
            raise ValueError(f"this cloud speaks http, not {scope['type']}")
        elif scope["method"] == "POST" and INVOCATION.fullmatch(scope["path"]):
            scope["state"] = {"cloud": self._cloud}
            await invocations.app(scope, receive, send)
        elif scope["path"].startswith(api_invocations.PREFIX):
            if (body := await _read_body(receive)) is None:
                return
            environ = _environ(scope, len(body), self._record.port)
            await _send(send, await self._in_thread(api_invocations.answer, self._cloud, environ, body))
        elif scope["path"] == "/_groundplan/health":
            await _send(send, _json(self._health()))
        elif scope["path"] == "/_groundplan/inventory":
            await _send(send, _json({"resources": await self._in_thread(self._inventory.resources)}))
        else:
            if (body := await _read_body(receive)) is None:
                return
            environ = _environ(scope, len(body), self._record.port)
            answer = await self._in_thread(self._gateway.answer, environ, body)
            await _send(send, answer)
            if len(body) + len(answer.body) > LARGE_BODY:
                # werkzeug's requests refer to themselves: bodies would pile up until Python happens to look.
                del body, answer
                await self._in_thread(gc.collect)

    def _health(self) -> dict[str, object]:
        return {
            "status": "ok",
            "pid": self._record.pid,
            "name": self._cloud.name,
            "uptime_seconds": round(time.time() - self._cloud.started_at, 3),
            **self._cloud.gauges(),
        }

    async def _in_thread(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)

    async def _live(self, receive: Receive, send: Send) -> None:
        """Start the machines and say so on disk; at the end stop them and leave no record."""
        await receive()
        machines.install(self._cloud)
        self._record.write()
        self._cloud.log.info(
            "cloud started; it begins empty, for state is kept in memory only",
            **self._record.model_dump(mode="json"),
        )
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._in_thread(self._cloud.stop)
        self._threads.shutdown(wait=False, cancel_futures=True)
        record_path(self._cloud.folder).unlink(missing_ok=True)
        self._cloud.log.info("cloud stopped")
        await send({"type": "lifespan.shutdown.complete"})


async def _read_body(receive: Receive) -> bytes | None:
    """The whole body; None when the client left before its end, for half a request is none."""
    chunks = []
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunks.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(chunks)


def _environ(scope: Scope, length: int, port: int) -> Environ:
    """The WSGI environment of an ASGI request, as moto reads it."""
    query = scope["query_string"].decode("latin-1")
    raw_path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
    environ: Environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": scope["path"].encode().decode("latin-1"),
        "RAW_URI": raw_path + (f"?{query}" if query else ""),
        "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": str(port),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    names: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        key = name.upper().replace("-", "_")
        if key == "TRANSFER_ENCODING":
            continue  # The server has put the pieces together already.
        key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
        environ[key] = f"{environ[key]},{value}" if key in environ else value
        if "_" in name and name.startswith("x-amz-meta-"):
            names[key] = name
    environ["CONTENT_LENGTH"] = str(length)
    environ["moto.preserved_header_names"] = names
    return environ


def _json(value: object) -> Answer:
    return Answer(200, [("Content-Type", "application/json")], json.dumps(value).encode())


async def _send(send: Send, answer: Answer) -> None:
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
