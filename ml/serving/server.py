"""`python -m ml serve`: load, listen, and on SIGTERM finish what was begun."""

import asyncio
import contextlib
import gc
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from types import FrameType

import uvloop

from ml.contract import Container
from ml.serving import loading, log, workers
from ml.serving.application import Application
from ml.serving.batching import Rules
from ml.serving.capture import Capture
from ml.serving.clients import LEAVING_SECONDS, TICK_SECONDS, Clients
from ml.serving.connection import Connection
from ml.serving.loading import ServedModel
from ml.serving.metrics import Board
from ml.serving.threads import available_threads

SECONDS_TO_DRAIN = 20
# How many connections the kernel keeps for a process that is busy for a moment.
BACKLOG = 4096


def serve(container: Container) -> None:
    """Serve the model folder's bundles until SIGTERM; a bundle that fails its checks is never served."""
    listener = socket.create_server(("0.0.0.0", container.port), backlog=BACKLOG)  # noqa: S104 - reached from outside
    listener.setblocking(False)
    board = Board(container.workers, len(loading.folders(container)))
    worker = workers.split(container.workers, listener) if container.workers > 1 else 0
    signal.signal(signal.SIGTERM, _leave)
    began = time.perf_counter()
    threads = (container.threads or available_threads()) // container.workers
    models = loading.load(replace(container, threads=max(1, threads)))
    versions = {name: model.version for name, model in models.items()}
    seconds = round(time.perf_counter() - began, 3)
    log.say(event="loaded", models=versions, seconds=seconds, worker=worker, process=os.getpid())
    gc.freeze()  # What is loaded stays; the collector need not walk it again and again.
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_answer(listener, container, models, board, worker))


async def _answer(
    listener: socket.socket, container: Container, models: dict[str, ServedModel], board: Board, worker: int
) -> None:
    """Answer until SIGTERM, then finish."""
    told, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    capture = Capture(container.captured, container.capture_percent) if container.capture_percent else None
    rules = Rules(most_queued_rows=container.queue_rows, delay_seconds=container.batch_delay_ms / 1000)
    clients = Clients()
    application = Application(models, clients, rules, board=board, worker=worker, capture=capture)
    connect = partial(Connection, clients, application.handle)
    server = await loop.create_server(connect, sock=listener, backlog=BACKLOG)
    ticking = asyncio.create_task(_tick(clients, application, capture, told))
    await told.wait()
    log.say(event="leaving", in_hand=application.in_hand, connections=len(clients))
    try:
        async with asyncio.timeout(SECONDS_TO_DRAIN):
            await _leave_in_peace(server, listener, clients, connect)
    except TimeoutError:
        log.say(event="left before all was answered", in_hand=application.in_hand, connections=len(clients))
        application.write_log()
        os._exit(1)  # Not by way of the model's thread, which may never come back.
    ticking.cancel()
    if capture:
        capture.flush()


async def _leave_in_peace(
    server: asyncio.Server, listener: socket.socket, clients: Clients, connect: Callable[[], Connection]
) -> None:
    """Answer all who are connected or still come for a moment; who is not connected is told by a closed port."""
    clients.begin_to_leave()
    if len(clients):
        await asyncio.sleep(LEAVING_SECONDS)
    with contextlib.suppress(BlockingIOError):
        while True:  # Who has connected but was not seen yet would be cut off.
            accepted, _ = listener.accept()
            await asyncio.get_running_loop().connect_accepted_socket(connect, accepted)
    server.close()
    await clients.have_left()


async def _tick(clients: Clients, application: Application, capture: Capture | None, told: asyncio.Event) -> None:
    """Do what time asks for, and leave when the parent of several processes is gone."""
    parent = os.getppid()
    while True:
        await asyncio.sleep(TICK_SECONDS)
        clients.tick(time.monotonic())
        application.tick(time.monotonic())
        if capture:
            await asyncio.to_thread(capture.flush)
        if os.getppid() != parent:
            told.set()


def _leave(_number: int, _frame: FrameType | None) -> None:
    """Leave with exit code 0, before anything was begun."""
    sys.exit(0)
