"""What the server answers, by path and method, and what is noted about each answer.

`POST /invocations` (SageMaker), `/v1/predict` and `/v1/explain` ask the one model there is. Of several each has paths
of its own: `/v1/models/NAME/predict` and `explain`, and `/models/NAME/invoke` as SageMaker's multi-model servers.
"""

import json
import os
import re
import traceback
from collections.abc import Callable, Mapping
from itertools import count
from time import monotonic

from ml.errors import RequestError
from ml.serving import log, openapi
from ml.serving.answering import ModelAnswers
from ml.serving.batching import Rules
from ml.serving.capture import Capture
from ml.serving.clients import Clients
from ml.serving.connection import Request
from ml.serving.loading import ServedModel
from ml.serving.metrics import CONNECTIONS, Board, Row, page

JSON, TEXT = b"application/json", b"text/plain; version=0.0.4"
GIVEN_ID = re.compile(rb"[\w.:/=-]{1,128}", re.ASCII)
ASKING = (b"/invocations", b"/v1/predict", b"/v1/explain")
Answerer = Callable[[Request], None]


class Application:
    """Answers for some models, or says that there is none yet."""

    def __init__(
        self,
        models: Mapping[str, ServedModel],
        clients: Clients,
        rules: Rules,
        *,
        board: Board,
        worker: int = 0,
        capture: Capture | None = None,
    ) -> None:
        self._clients, self._board, self._capture = clients, board, capture
        self._row = board.row(worker, 0)
        self._versions = {name: model.version for name, model in models.items()}
        self._answers = [
            ModelAnswers(model, rules, board.row(worker, number), self._reply)
            for number, model in enumerate(models.values(), 1)
        ]
        self._log = log.AccessLog()
        start = os.urandom(6).hex().encode()
        self._ids = (b"%b-%x" % (start, number) for number in count())
        self._document = openapi.document(models)
        self._routes = self._all_routes(models)

    @property
    def in_hand(self) -> int:
        """How many requests have come and are not answered yet."""
        return sum(answers.in_hand for answers in self._answers)

    def tick(self, now: float) -> None:
        """Do what time asks for, a few times a second."""
        self._row.numbers[CONNECTIONS] = len(self._clients)
        for answers in self._answers:
            answers.tick(now)

    def write_log(self) -> None:
        """Write what the log still holds."""
        self._log.write()

    def handle(self, request: Request) -> None:
        """Answer a request, now or when its model has; called by its connection."""
        given = request.headers.get(b"x-request-id")
        request.id = given if given and GIVEN_ID.fullmatch(given) else next(self._ids)
        try:
            self._route(request)(request)
        except Exception as error:
            self._reply(request, self._row, error)

    def _route(self, request: Request) -> Answerer:
        if request.refusal:
            raise request.refusal
        path, _, _ = request.target.partition(b"?")
        methods = self._routes.get(path)
        if methods is None:
            asked = f"{request.method.decode()} {path[:60].decode('latin-1')}"
            raise RequestError(404, "request", asked, "has no answer", "GET /openapi.json tells what has")
        if request.method not in methods:
            allowed = ", ".join(method.decode() for method in methods)
            raise RequestError(405, "method", request.method.decode(), "has no answer here", f"send {allowed}")
        return methods[request.method]

    def _all_routes(self, models: Mapping[str, ServedModel]) -> dict[bytes, dict[bytes, Answerer]]:
        routes: dict[bytes, dict[bytes, Answerer]] = {path: {b"POST": self._refuse_to_choose} for path in ASKING}
        for answers, (name, model) in zip(self._answers, models.items(), strict=True):
            for path, verb in openapi.routes(name, model, is_alone=len(models) == 1).items():
                routes[path.encode()] = {b"POST": answers.verbs[verb]}
        return routes | {
            b"/ping": {b"GET": self._ping},
            b"/metrics": {b"GET": self._metrics},
            b"/openapi.json": {b"GET": lambda request: self._write(request, self._row, 200, self._document)},
        }

    def _refuse_to_choose(self, request: Request) -> None:
        if self._versions:
            which = f"POST to /v1/models/NAME/predict, NAME one of {', '.join(self._versions)}"
            raise RequestError(404, "path", request.target[:60].decode("latin-1"), "does not say which model", which)
        fix = "run `groundplan release start`, then call again"
        raise RequestError(503, "endpoint", "no model", "released yet", fix)

    def _ping(self, request: Request) -> None:
        self._write(request, self._row, 503 if self._clients.are_leaving else 200, b"", is_logged=False)

    def _metrics(self, request: Request) -> None:
        self.tick(request.began)
        self._write(request, self._row, 200, page(self._board, self._versions).encode(), TEXT, is_logged=False)

    def _reply(self, request: Request, row: Row, outcome: bytes | Exception) -> None:
        """Give a model's answer, or say what is wrong: of a defect no more than that there is one."""
        if isinstance(outcome, bytes):
            return self._write(request, row, 200, outcome)
        if not isinstance(outcome, RequestError):
            log.say(request=request.id.decode(), error="".join(traceback.format_exception(outcome)))
            return self._write(request, row, 500, _error("the model failed on this request; the server's log says why"))
        headers = b""
        if outcome.retry_seconds:
            headers = b"retry-after: %d\r\n" % outcome.retry_seconds
        elif outcome.status == 405:
            headers = b"allow: %b\r\n" % outcome.fix.removeprefix("send ").encode()
        return self._write(request, row, outcome.status, _error(str(outcome)), headers=headers)

    def _write(
        self,
        request: Request,
        row: Row,
        status: int,
        body: bytes,
        content_type: bytes = JSON,
        *,
        headers: bytes = b"",
        is_logged: bool = True,
    ) -> None:
        if not request.is_wanted():
            return
        seconds = monotonic() - request.began
        # Counted first: a worker that is killed in between has then counted one too many, and never an answer too few.
        row.answered(status, seconds)
        request.connection.answer(
            request, status, b"content-type: %b\r\nx-request-id: %b\r\n%b" % (content_type, request.id, headers), body
        )
        if is_logged:
            path = request.target[:200].decode("latin-1")
            self._log.say(request.id.decode(), path, status, seconds, request.size)
        if self._capture and status == 200 and row is not self._row:
            self._capture.keep(request.id, request.body, body)


def _error(what: str) -> bytes:
    return json.dumps({"error": what}).encode()
