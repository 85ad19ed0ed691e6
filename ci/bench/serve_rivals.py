"""Servers of one bundle as their own guides write them: `python -m ci.bench.serve_rivals NAME FOLDER PORT`.

Each loads the very handler that ours does, with as many threads, and answers POST / of `{"instances": [{"text": …}]}`.
Run in the environment of requirements-bench.lock, which sees all of ours too.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from ml.models import catalogue
from ml.serving.threads import available_threads

MODEL = "review_sentiment"
# As ours: so many rows at most, and so long a wait for them at most.
MOST_TOGETHER, WAIT_SECONDS = 32, 0.002


def load(folder: Path) -> Any:
    """Return the handler of the bundle."""
    return catalogue.part(MODEL, "handler").load(folder, available_threads())


def raw_asgi(folder: Path, port: int) -> None:
    """Do nothing but what must be done: no check, no limit, no count."""
    import uvicorn

    handler = load(folder)

    async def app(_scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        answer = json.dumps({"predictions": handler.predict(json.loads(body)["instances"])}).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(answer)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    uvicorn.run(app, port=port, lifespan="off", log_config=None, access_log=False)


def bare_sockets(folder: Path, port: int) -> None:
    """Answer as whatever asks this handler at least must: a thread for each socket, which parses JSON but no HTTP."""
    from socket import IPPROTO_TCP, TCP_NODELAY
    from socketserver import BaseRequestHandler, ThreadingTCPServer

    handler = load(folder)

    class Client(BaseRequestHandler):
        def handle(self) -> None:
            self.request.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
            while heard := self.request.recv(1 << 16):
                instances = json.loads(heard.partition(b"\r\n\r\n")[2])["instances"]
                answer = json.dumps({"predictions": handler.predict(instances)}).encode()
                self.request.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(answer), answer))

    ThreadingTCPServer.daemon_threads = True
    ThreadingTCPServer(("127.0.0.1", port), Client).serve_forever()


def fastapi(folder: Path, port: int) -> None:
    """Check by pydantic models, and answer in the loop, which is faster here than FastAPI's threads."""
    import uvicorn
    from fastapi import FastAPI
    from pydantic import BaseModel, Field

    class Instance(BaseModel):
        text: str = Field(min_length=1, max_length=2000)

    class Body(BaseModel):
        instances: list[Instance] = Field(min_length=1, max_length=64)

    class Prediction(BaseModel):
        label: str
        score: float

    class Answer(BaseModel):
        predictions: list[Prediction]

    handler, app = load(folder), FastAPI()

    @app.post("/")
    async def predict(body: Body) -> Answer:
        return Answer(predictions=handler.predict([instance.model_dump() for instance in body.instances]))

    predict.__annotations__.update(body=Body, **{"return": Answer})
    uvicorn.run(app, port=port, log_config=None, access_log=False)


LIT_API = """
from pathlib import Path
import litserve
from ci.bench.serve_rivals import load

class Reviews(litserve.LitAPI):
    def setup(self, device):
        self.handler = load(Path({folder!r}))

    def decode_request(self, request):
        return request["instances"]

    def predict(self, instances):
        if not {batches}:
            return self.handler.predict(instances)
        rows = iter(self.handler.predict([row for each in instances for row in each]))
        return [[next(rows) for _ in each] for each in instances]

    def encode_response(self, predictions):
        return {{"predictions": predictions}}

if __name__ == "__main__":
    api = Reviews(api_path="/", max_batch_size={together}, batch_timeout={wait})
    litserve.LitServer(api, accelerator="cpu").run(port={port}, generate_client_file=False, log_level="error")
"""


def litserve(folder: Path, port: int, *, together: int = 1) -> None:
    """Let LitServe's one worker answer; `together` is its max_batch_size."""
    wait = WAIT_SECONDS if together > 1 else 0.0
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "server.py"  # A file, for its worker imports it again.
        file.write_text(
            LIT_API.format(folder=str(folder), port=port, together=together, batches=together > 1, wait=wait)
        )
        subprocess.run((sys.executable, str(file)), check=True)


SERVICE = """
from pathlib import Path
import bentoml
from ci.bench.serve_rivals import load

@bentoml.service({options})
class Reviews:
    def __init__(self) -> None:
        self.handler = load(Path({folder!r}))

    @bentoml.api(route="/", batchable={batches}, max_batch_size={together}, max_latency_ms=60000)
    def predict(self, instances: list[dict[str, str]]) -> list[dict[str, str | float]]:
        return self.handler.predict(instances)
"""


def bentoml(folder: Path, port: int, *, together: int = 1, options: str = "") -> None:
    """Let BentoML's service answer, in one worker; `together` is its max_batch_size.

    As it comes it counts and writes an access log, which ours does too; `options` can forbid it both.
    """
    from bentoml_cli.cli import cli

    with tempfile.TemporaryDirectory() as place:
        text = SERVICE.format(folder=str(folder), batches=together > 1, together=max(together, 2), options=options)
        (Path(place) / "service.py").write_text(text)
        cli(["serve", "service:Reviews", "--port", str(port), "--working-dir", place])


SILENT = 'metrics={"enabled": False}, logging={"access": {"enabled": False}}'
RIVALS: dict[str, Callable[[Path, int], None]] = {
    "bare sockets": bare_sockets,
    "raw ASGI": raw_asgi,
    "FastAPI": fastapi,
    "LitServe": litserve,
    "LitServe in batches": partial(litserve, together=MOST_TOGETHER),
    "BentoML": bentoml,
    "silent BentoML": partial(bentoml, options=SILENT),
    "BentoML in batches": partial(bentoml, together=MOST_TOGETHER),
}

if __name__ == "__main__":
    RIVALS[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]))
