"""A model server whose model says how it starts, and whose requests say what it does."""

import json
import os
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


def serve(base: Path) -> None:
    model = json.loads((base / "model/model.json").read_text())
    time.sleep(model.get("start_seconds", 0))
    if "last_words" in model:
        raise SystemExit(model["last_words"])
    print(f"serving {model['name']}")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # One packet an answer: with two, Nagle's algorithm waits 40 ms for an acknowledgement.
        wbufsize = -1

        def do_GET(self) -> None:
            self.answer(200 if not model.get("ill") else 500, b"")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.obey(json.loads(body) if body.startswith(b"{") else {"do": "echo"}, body)

        def obey(self, order: dict[str, Any], body: bytes) -> None:
            if order.get("do") == "crash":
                os._exit(9)
            if order.get("do") == "grow":
                self.server.held = b"x" * order["bytes"]  # type: ignore[attr-defined]
            if "seconds" in order:
                print("busy")
                time.sleep(order["seconds"])
            if order.get("do") == "fail":
                return self.answer(order["status"], order["text"].encode(), "text/plain")
            told = {name.lower(): value for name, value in self.headers.items()}
            said = {"model": model["name"], "pid": os.getpid(), "bytes": len(body), "headers": told}
            return self.answer(200, json.dumps(said).encode())

        def answer(self, status: int, body: bytes, content_type: str = "application/json") -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("X-Amzn-SageMaker-Custom-Attributes", f"from={model['name']}")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            return

    ThreadingHTTPServer(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler).serve_forever()
