"""`python -m ml serve`: load, listen, and on SIGTERM finish what was begun."""

import signal
import sys
import time
from types import FrameType

import uvicorn

from ml.contract import Container
from ml.serving import loading, log
from ml.serving.application import Application

SECONDS_TO_DRAIN = 20
# Longer than what SageMaker and load balancers keep a connection, so that they are who closes it.
KEEP_ALIVE_SECONDS = 75


def serve(container: Container) -> None:
    """Serve the model folder's bundle until SIGTERM; a bundle that fails its checks is never served."""
    signal.signal(signal.SIGTERM, _leave)
    began = time.perf_counter()
    model = loading.load(container)
    log.say(
        event="loaded",
        model=model and model.name,
        version=model and model.version,
        seconds=round(time.perf_counter() - began, 3),
    )
    uvicorn.run(
        Application(model),
        host="0.0.0.0",  # noqa: S104 - a container is reached from outside it
        port=container.port,
        http="httptools",
        loop="asyncio",
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=SECONDS_TO_DRAIN,
    )


def _leave(_number: int, _frame: FrameType | None) -> None:
    """Leave with exit code 0: at once before listening, and when uvicorn has drained and raises the signal again."""
    sys.exit(0)
