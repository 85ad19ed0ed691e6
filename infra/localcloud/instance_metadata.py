"""EC2's instance metadata service, as far as a spot machine's last minutes go: IMDSv2, on 127.0.0.1."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NOTICE = "/latest/meta-data/spot/instance-action"
REBALANCE = "/latest/meta-data/events/recommendations/rebalance"
INSTANCE_PATH, INSTANCE = "/latest/meta-data/instance-id", "i-0123456789abcdef0"
TOKEN = "token"
ADDRESS = "http://169.254.169.254"
"""Where each machine on AWS finds its own."""

INTERRUPTION_NEWS, REBALANCE_NEWS = "EC2 Spot Instance Interruption Warning", "EC2 Instance Rebalance Recommendation"
"""What EventBridge calls the same news."""


class Metadata(ThreadingHTTPServer):
    """Answers 404 until something is announced, and then what EC2 would say."""

    daemon_threads = True

    def __init__(self, instance: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.said: dict[str, str] = {INSTANCE_PATH: instance}
        self.url = f"http://127.0.0.1:{self.server_port}"

    def announce(self, news: str) -> None:
        """Say what EventBridge says of the machine by that name."""
        told = {INTERRUPTION_NEWS: self.announce_interruption, REBALANCE_NEWS: self.recommend_rebalance}
        told[news]()

    def announce_interruption(self) -> None:
        """Say that the machine is taken in two minutes."""
        taken = (datetime.now(UTC) + timedelta(minutes=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.said[NOTICE] = json.dumps({"action": "terminate", "time": taken})

    def recommend_rebalance(self) -> None:
        """Say that the machine is likelier than others to be taken."""
        self.said[REBALANCE] = json.dumps({"noticeTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")})


class _Handler(BaseHTTPRequestHandler):
    server: Metadata

    def do_PUT(self) -> None:
        if self.path == "/latest/api/token" and self.headers["X-aws-ec2-metadata-token-ttl-seconds"]:
            self._answer(200, TOKEN)
        else:
            self._answer(400, "")

    def do_GET(self) -> None:
        if self.headers["X-aws-ec2-metadata-token"] != TOKEN:
            self._answer(401, "")
        else:
            said = self.server.said.get(self.path)
            self._answer(200 if said else 404, said or "")

    def _answer(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


@contextmanager
def serving(instance: str = INSTANCE) -> Iterator[Metadata]:
    """Run the service of a machine while the context is open."""
    service = Metadata(instance)
    thread = threading.Thread(target=service.serve_forever, args=(0.1,), name="metadata", daemon=True)
    thread.start()
    try:
        yield service
    finally:
        service.shutdown()
        service.server_close()
