"""A real S3 service (moto's) over HTTP, which fails when it is told to: what a busy or broken one does."""

import os
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

BUCKET = "data"
BUSY = (
    b"<?xml version='1.0'?><Error><Code>%s</Code><Message>Please reduce your request rate.</Message>"
    b"<RequestId>1</RequestId></Error>"
)
ANSWERS = {
    "403": ("403 Forbidden", b"AccessDenied"),
    "500": ("500 Internal Server Error", b"InternalError"),
    "503": ("503 Slow Down", b"SlowDown"),
}


class FaultyS3:
    """Each GET or PUT of a file takes the next of its faults.

    403, 500, 503, hold (until `go_on`, then 500); and for a GET cut (half a body), flip (a bit), stall (no end).
    """

    def __init__(self, service: Callable[..., Iterable[bytes]]) -> None:
        self._service, self._one_at_a_time = service, threading.Lock()
        self.url = ""
        self.faults: dict[str, list[str]] = defaultdict(list)
        self.asked: Counter[str] = Counter()
        self.stalling, self.go_on = threading.Event(), threading.Event()

    def variables(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self) -> Any:
        import boto3

        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        return boto3.client("s3", endpoint_url=self.url, region_name="us-east-1", **keys)

    def upload(self, folder: Path, prefix: str) -> str:
        for file in folder.iterdir():
            self.client().upload_file(str(file), BUCKET, f"{prefix}/{file.name}")
        return f"s3://{BUCKET}/{prefix}/"

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        name = environ["PATH_INFO"].rsplit("/", 1)[-1]
        if environ["REQUEST_METHOD"] not in ("GET", "PUT") or not name:
            return [self._answer(environ, start_response)]
        self.asked[name] += 1
        fault = self.faults[name].pop(0) if self.faults[name] else ""
        if fault == "hold":
            self.stalling.set()
            self.go_on.wait()
            fault = "500"
        if fault in ANSWERS:
            status, code = ANSWERS[fault]
            start_response(status, [("Content-Type", "application/xml")])
            return [BUSY % code]
        body = self._answer(environ, start_response)
        if fault == "flip":
            return [bytes([body[0] ^ 1]) + body[1:]]
        if fault == "cut":
            return [body[: len(body) // 2]]
        return self._stalled(body) if fault == "stall" else [body]

    def _answer(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> bytes:
        """The service's own: moto's models have no locks, and close a replaced object under those who read it."""
        with self._one_at_a_time:
            return b"".join(self._service(environ, start_response))

    def _stalled(self, body: bytes) -> Iterator[bytes]:
        yield body[: len(body) // 2]
        self.stalling.set()
        self.go_on.wait()
        yield body[len(body) // 2 :]


@contextmanager
def serving() -> Iterator[FaultyS3]:
    """Serve an empty bucket on a free port of this machine."""
    before = os.environ.get("TEST_SERVER_MODE")
    from moto.moto_server.werkzeug_app import create_backend_app
    from werkzeug.serving import make_server

    service = FaultyS3(create_backend_app("s3"))  # type: ignore[arg-type]
    server = make_server("127.0.0.1", 0, service, threaded=True)  # type: ignore[arg-type]
    service.url = f"http://127.0.0.1:{server.port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        service.client().create_bucket(Bucket=BUCKET)
        yield service
    finally:
        service.go_on.set()
        server.shutdown()
        thread.join()
        server.server_close()
        if before is None:
            os.environ.pop("TEST_SERVER_MODE", None)
