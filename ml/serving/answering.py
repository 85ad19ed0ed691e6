"""One model's way from a request to its answer: check, queue, call."""

from collections.abc import Callable
from functools import partial
from typing import Any

from ml.serving import explanations, requests
from ml.serving.batching import Batcher, Outcome, Rules, Work
from ml.serving.connection import Request
from ml.serving.loading import ServedModel
from ml.serving.metrics import IN_HAND, Row

# What is done with a model's answer, or with what went wrong instead.
Reply = Callable[[Request, Row, bytes | Exception], None]


class ModelAnswers:
    """Answers the requests for one model."""

    def __init__(self, model: ServedModel, rules: Rules, row: Row, reply: Reply) -> None:
        self.model, self._row, self._reply = model, row, reply
        self._batcher = Batcher(model.handler.predict, model.longest_seconds, rules, row.called)
        self.verbs = {"predict": self._predict, "explain": self._explain}

    @property
    def in_hand(self) -> int:
        """How many requests wait or are worked on."""
        return self._batcher.in_hand

    def tick(self, now: float) -> None:
        """Let go of those that waited too long."""
        self._batcher.expire(now)
        self._row.numbers[IN_HAND] = self._batcher.in_hand

    def _predict(self, request: Request) -> None:
        rows = self._parse(request, self.model.signature.most_instances)
        self._submit(request, rows, b"predictions")

    def _explain(self, request: Request) -> None:
        rows = self._parse(request, explanations.MOST_EXPLAINED)
        self._submit(request, rows, b"explanations", alone=self.model.explain)

    def _parse(self, request: Request, most: int) -> list[requests.Instance]:
        content_type = request.headers.get(b"content-type", b"").decode("latin-1")
        return requests.parse(content_type, request.body, self.model.signature, most)

    def _submit(self, request: Request, rows: list[requests.Instance], name: bytes, alone: Any = None) -> None:
        weight = len(rows) * (explanations.MOST_PARTS if alone else 1)
        deliver = partial(self._deliver, request, name)
        self._batcher.submit(Work(rows=rows, deliver=deliver, is_wanted=request.is_wanted, alone=alone, weight=weight))

    def _deliver(self, request: Request, name: bytes, outcome: Outcome) -> None:
        if isinstance(outcome, Exception):
            return self._reply(request, self._row, outcome)
        return self._reply(request, self._row, self.model.answer(name, outcome))
