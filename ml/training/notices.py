"""What a spot machine is told before it is taken: two minutes' notice, and earlier a hint that it may be.

EC2's instance metadata service (EC2 user guide: "Spot Instance interruption notices", "EC2 instance rebalance
recommendations") answers 404 until there is something to say. Polled in a thread, by tokens (IMDSv2).
"""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

from ml.training.stop import StopRequest

PATHS = {
    "spot interruption notice": "/latest/meta-data/spot/instance-action",
    "rebalance recommendation": "/latest/meta-data/events/recommendations/rebalance",
}
TOKEN_PATH = "/latest/api/token"
TOKEN, TOKEN_LIFE = "X-aws-ec2-metadata-token", "X-aws-ec2-metadata-token-ttl-seconds"
ANSWER_SECONDS = 2.0
TOKEN_SECONDS = 21600


@contextmanager
def watched(endpoint: str | None, stop: StopRequest, seconds: float) -> Iterator[None]:
    """Ask `stop` to stop when the metadata service at `endpoint` has a notice; no endpoint, nothing to watch."""
    if endpoint is None:
        yield
        return
    over = threading.Event()
    watcher = threading.Thread(target=_watch, args=(endpoint.rstrip("/"), stop, seconds, over), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()


def _watch(endpoint: str, stop: StopRequest, seconds: float, over: threading.Event) -> None:
    token, renewed = "", 0.0
    while not over.wait(seconds):
        try:
            if not token or time.monotonic() - renewed > TOKEN_SECONDS / 2:
                token, renewed = _ask(endpoint, "PUT", TOKEN_PATH, {TOKEN_LIFE: str(TOKEN_SECONDS)}), time.monotonic()
            for kind, path in PATHS.items():
                if notice := _ask(endpoint, "GET", path, {TOKEN: token}):
                    stop.ask(f"{kind} ({_shown(notice)})")
                    return
        except (OSError, HTTPException):  # Away for a moment, or a token that has run out: the next look may find it.
            token = ""


def _ask(endpoint: str, method: str, path: str, headers: dict[str, str]) -> str:
    """Return what is said there; nothing where the service says that there is nothing."""
    address = urlsplit(endpoint)
    connection = HTTPConnection(address.hostname or "", address.port, timeout=ANSWER_SECONDS)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        said = answer.read().decode()
    finally:
        connection.close()
    if answer.status not in (200, 404):
        raise HTTPException(f"{answer.status} {path}")
    return said if answer.status == 200 else ""


def _shown(notice: str) -> str:
    try:
        return ", ".join(f"{name} {value}" for name, value in json.loads(notice).items())
    except (ValueError, AttributeError):
        return notice[:80]
