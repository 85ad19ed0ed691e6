"""A prediction through an endpoint of the embedded cloud, against what it cannot do without.

That is the model on bare ONNX Runtime, then the round trip of the same signed client to a handler that does nothing:
one after the other, as in a prediction. Timed apart, in tight loops, the two add up to a millisecond less (on two
cores), for then neither finds the caches full of what the other left there; no server can answer so.
"""

import json
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from ci.bench.model import Served, served_model
from ci.bench.platform import fresh_site
from ci.bench.process import python
from ci.bench.row import Row, compare
from ci.child_environment import child_environment
from ci.site import Site
from ci.workspace import ROOT

ROUNDS = 10
CALLS = 40
WARM_UP = 5
ENDPOINT = "bench"


def run() -> dict[str, Row]:
    """Measure the two in turns, and the cold start of the endpoint's first call."""
    with tempfile.TemporaryDirectory() as folder, fresh_site() as site:
        model = served_model(site, Path(folder))
        cold_seconds = _create(site, model)
        client = site.client("sagemaker-runtime")
        handler = model.bare()
        with _empty_handler() as url:
            empty = Site(site.environment, site.workspace, url).client("sagemaker-runtime")

            def floor(text: str) -> None:
                handler(text)
                _invoke(empty, text)

            took = _in_turns(ours=lambda text: _invoke(client, text), floor=floor, texts=model.texts)
    against = {"bare ONNX Runtime, then an empty handler": took["floor"]}
    return {
        "serve_p50": compare(took["ours"], against, unit="ms", bound=1.3),
        "cold_start": compare(cold_seconds, {"a server on torch": model.naive_start_seconds}, unit="s", bound=1.0),
    }


def _create(site: Site, model: Served) -> float:
    """Make a serverless endpoint and return the seconds of its first call."""
    sagemaker = site.client("sagemaker")
    container = {"Image": "bench", "ModelDataUrl": model.uri, "Environment": model.variables}
    sagemaker.create_model(ModelName=ENDPOINT, PrimaryContainer=container, ExecutionRoleArn=model.role)
    variant = {
        "VariantName": "live",
        "ModelName": ENDPOINT,
        "ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 5},
    }
    sagemaker.create_endpoint_config(EndpointConfigName=ENDPOINT, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=ENDPOINT, EndpointConfigName=ENDPOINT)
    sagemaker.get_waiter("endpoint_in_service").wait(
        EndpointName=ENDPOINT, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    started = time.perf_counter()
    _invoke(site.client("sagemaker-runtime"), model.texts[0])
    return time.perf_counter() - started


def _invoke(client: Any, text: str) -> None:
    body = json.dumps({"instances": [{"text": text}]}).encode()
    answer = client.invoke_endpoint(EndpointName=ENDPOINT, ContentType="application/json", Body=body)
    json.loads(answer["Body"].read())


def _in_turns(*, texts: list[str], **calls: Callable[[str], object]) -> dict[str, float]:
    """Return the median milliseconds of each in its best round; noise on a shared machine only ever adds."""
    medians: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(ROUNDS):
        for name, call in calls.items():
            medians[name].append(median(_block(call, texts)))
    return {name: min(values) for name, values in medians.items()}


def _block(call: Callable[[str], object], texts: list[str]) -> list[float]:
    """Return the milliseconds of each call after the first few, in which threads and caches wake up."""
    took = []
    for turn in range(WARM_UP + CALLS):
        started = time.perf_counter()
        call(texts[turn % len(texts)])
        took.append((time.perf_counter() - started) * 1000)
    return took[WARM_UP:]


EMPTY_HANDLER = """
import sys, uvicorn
async def app(scope, receive, send):
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": b"{}"})
uvicorn.run(app, port=int(sys.argv[1]), lifespan="off", log_config=None, access_log=False)
"""


@contextmanager
def _empty_handler() -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(python("-c", EMPTY_HANDLER, str(port)), cwd=ROOT, env=child_environment())
    try:
        deadline = time.monotonic() + 20
        while not _answers(port):
            if time.monotonic() > deadline or process.poll() is not None:
                raise RuntimeError("the empty handler did not start")
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
