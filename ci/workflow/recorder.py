"""GitHub's comments and issues as far as workflows use them: on 127.0.0.1, kept for as long as a rehearsal."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from ci.github import AUTHOR


@dataclass
class Recorder:
    """A repository's comments and issues by number, in the order in which they were first written."""

    url: str = ""
    comments: dict[int, dict[str, Any]] = field(default_factory=dict)
    issues: dict[int, dict[str, Any]] = field(default_factory=dict)

    def answer(self, method: str, path: str, content: dict[str, Any]) -> Any:
        """Return what GitHub answers; None where it does not know such a place."""
        place, _, query = re.sub(r"^/repos/[^/]+/[^/]+/", "", path).partition("?")
        kind = self.comments if "comments" in place else self.issues
        number = re.search(r"(?:issues|comments)/(\d+)$", place)
        if method == "PATCH" and number and int(number[1]) in kind:
            kind[int(number[1])] |= content
            return kind[int(number[1])]
        if method == "POST":
            at = len(self.comments) + len(self.issues) + 1
            told = {"id": at, "number": at, "state": "open", "html_url": f"{self.url}/{place}#{at}"}
            kind[at] = told | {"user": {"login": AUTHOR}} | content
            return kind[at]
        if method == "GET":
            open_only = "state=open" in query
            found = [one for one in kind.values() if not open_only or one["state"] == "open"]
            page = int(dict(part.split("=") for part in query.split("&")).get("page", 1))
            return found[100 * (page - 1) : 100 * page]
        return None


@contextmanager
def recorder() -> Iterator[Recorder]:
    """Serve a recorder for as long as the context is open."""
    kept = Recorder()

    class Handler(BaseHTTPRequestHandler):
        def _reply(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            told = kept.answer(self.command, self.path, json.loads(self.rfile.read(length) or b"{}"))
            body = json.dumps({"message": "Not Found"} if told is None else told).encode()
            self.send_response(404 if told is None else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            self._reply()

        def do_POST(self) -> None:
            self._reply()

        def do_PATCH(self) -> None:
            self._reply()

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    kept.url = f"http://127.0.0.1:{server.server_port}"
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield kept
    finally:
        server.shutdown()
        server.server_close()
