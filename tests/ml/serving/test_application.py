"""The server's application in this process: what it does when it is busy, when a model fails, with several models."""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, cast

import httpx
import numpy as np
import pytest
import uvloop

from ml.models.card import Signature, TextField, label_and_score
from ml.release.bundle import BundleManifest
from ml.serving import batching
from ml.serving.application import Application
from ml.serving.batching import Rules
from ml.serving.capture import Capture
from ml.serving.clients import Clients
from ml.serving.connection import Connection
from ml.serving.loading import ServedModel
from ml.serving.metrics import Board

LABELS = ("no", "yes")
SIGNATURE = Signature(
    instance={"text": TextField(most_characters=20)}, labels=LABELS, prediction=label_and_score(LABELS)
)
# So that a model runs in its thread, and that a delay below is worth it.
LONGEST_SECONDS = 1.0
GOOD = {"instances": [{"text": "a"}]}
Instances = list[dict[str, Any]]


class Slow:
    """A model that answers when it is let go; warming up it is quick."""

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.let_go.set()
        self.calls: list[int] = []

    def predict(self, instances: Instances) -> Instances:
        assert self.let_go.wait(120)
        self.calls.append(len(instances))
        return [{"label": "yes", "score": 1.0} for _ in instances]


class Picky(Slow):
    """A model that fails on one word."""

    def predict(self, instances: Instances) -> Instances:
        if any(instance["text"] == "fail" for instance in instances):
            raise ZeroDivisionError(f"on {len(instances)}")
        return super().predict(instances)


class Words:
    """A model whose likelihood of yes is the share of the letter y."""

    def likelihoods(self, instances: Instances) -> Any:
        yes = np.array([instance["text"].count("y") / 10 for instance in instances], np.float32)
        return np.stack([1 - yes, yes], 1)

    def predict(self, instances: Instances) -> Instances:
        return [{"label": "yes", "score": float(row[1])} for row in self.likelihoods(instances)]


def tell(
    handlers: Mapping[str, object],
    story: Callable[[httpx.AsyncClient, Application], Awaitable[None]],
    *,
    queue_rows: int = 512,
    delay: float = 0.0,
    capture: Capture | None = None,
) -> None:
    """Serve models with these handlers on the loopback while the story runs."""
    models = {
        name: ServedModel(BundleManifest(model=name, version="1", files={}), SIGNATURE, cast(Any, handler))
        for name, handler in handlers.items()
    }
    for model in models.values():
        model.longest_seconds = LONGEST_SECONDS

    async def told() -> None:
        all_clients = Clients()
        rules = Rules(most_queued_rows=queue_rows, delay_seconds=delay)
        board = Board(models=len(models))
        application = Application(models, all_clients, rules, board=board, capture=capture)
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Connection(all_clients, application.handle), "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with httpx.AsyncClient(base_url=url, timeout=120) as client:
            await asyncio.wait_for(story(client, application), 240)
        server.close()
        application.write_log()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(told())


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.001)


def test_it_answers_pings_while_the_model_works_and_refuses_what_is_too_much() -> None:
    model = Slow()

    async def story(client: httpx.AsyncClient, application: Application) -> None:
        model.let_go.clear()
        taken = []
        for number in range(3):  # One is worked on, two wait.
            taken.append(asyncio.ensure_future(client.post("/invocations", json=GOOD)))
            await until(lambda number=number: application.in_hand == number + 1)  # type: ignore[misc]
        assert (await client.get("/ping")).status_code == 200
        refused = await client.post("/invocations", json=GOOD)
        assert refused.status_code == 429
        assert refused.headers["retry-after"] == "2"
        assert refused.json()["error"] == "queue: 2 rows wait and 2 may; call again in 2 s"
        model.let_go.set()
        assert [(await answer).status_code for answer in taken] == [200, 200, 200]
        assert (await client.post("/invocations", json=GOOD)).status_code == 200

    tell({"toy": model}, story, queue_rows=2)


def test_what_came_while_the_model_worked_is_one_batch() -> None:
    model = Slow()

    async def story(client: httpx.AsyncClient, application: Application) -> None:
        model.calls.clear()
        model.let_go.clear()
        answers = [asyncio.ensure_future(client.post("/v1/predict", json=GOOD)) for _ in range(6)]
        await until(lambda: application.in_hand == 6)
        model.let_go.set()
        assert [len((await answer).json()["predictions"]) for answer in answers] == [1] * 6
        assert sum(model.calls) == 6
        assert len(model.calls) <= 3

    tell({"toy": model}, story)


def test_requests_wait_until_as_many_are_there_as_were_but_never_for_long() -> None:
    model = Slow()

    async def story(client: httpx.AsyncClient, application: Application) -> None:
        async def ask(times: int) -> None:
            answers = [asyncio.ensure_future(client.post("/v1/predict", json=GOOD)) for _ in range(times)]
            assert [(await answer).status_code for answer in answers] == [200] * times

        model.let_go.clear()
        first = asyncio.ensure_future(ask(1))
        await until(lambda: application.in_hand == 1)
        both = asyncio.ensure_future(ask(2))
        await until(lambda: application.in_hand == 3)
        model.calls.clear()
        model.let_go.set()
        await first
        await asyncio.gather(both, ask(1))
        assert model.calls == [1, 3], "who is just too late would wait for all of it"
        await ask(3)
        assert model.calls == [1, 3, 3]
        await ask(1)
        assert model.calls == [1, 3, 3, 1]

    tell({"toy": model}, story, delay=0.9)


def test_a_request_that_fails_in_a_batch_fails_alone(capsys: pytest.CaptureFixture[str]) -> None:
    model = Picky()

    async def story(client: httpx.AsyncClient, application: Application) -> None:
        model.let_go.clear()
        first = asyncio.ensure_future(client.post("/v1/predict", json=GOOD))
        await until(lambda: application.in_hand == 1)
        bad = asyncio.ensure_future(client.post("/v1/predict", json={"instances": [{"text": "fail"}]}))
        good = [asyncio.ensure_future(client.post("/v1/predict", json=GOOD)) for _ in range(3)]
        await until(lambda: application.in_hand == 5)
        model.let_go.set()
        assert [(await answer).status_code for answer in (first, *good)] == [200] * 4
        assert (await bad).status_code == 500
        assert (await bad).json() == {"error": "the model failed on this request; the server's log says why"}

    tell({"toy": model}, story)
    assert "ZeroDivisionError: on 1" in capsys.readouterr().out


def test_who_waits_too_long_is_told_and_who_has_left_is_not_worked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "MOST_SECONDS", 0.0)
    model = Slow()

    async def story(client: httpx.AsyncClient, application: Application) -> None:
        model.calls.clear()
        model.let_go.clear()
        stuck = asyncio.ensure_future(client.post("/v1/predict", json=GOOD))
        await until(lambda: application.in_hand == 1)
        waits = asyncio.ensure_future(client.post("/v1/predict", json=GOOD))
        leaves = asyncio.ensure_future(client.post("/v1/predict", json={"instances": [{"text": "b"}] * 5}))
        await until(lambda: application.in_hand == 3)
        leaves.cancel()
        application.tick(batching.monotonic() + 1)
        for answer in (stuck, waits):
            assert (await answer).status_code == 503
            assert (await answer).headers["retry-after"] == "1"
        model.let_go.set()
        assert (await client.get("/ping")).status_code == 200
        await until(lambda: application.in_hand == 0)
        assert model.calls == [1]

    tell({"toy": model}, story)


def test_of_several_models_each_has_paths_of_its_own() -> None:
    async def story(client: httpx.AsyncClient, _: Application) -> None:
        for name in ("one", "two"):
            for path in (f"/v1/models/{name}/predict", f"/models/{name}/invoke"):
                assert (await client.post(path, json=GOOD)).status_code == 200
        unclear = await client.post("/invocations", json=GOOD)
        assert unclear.status_code == 404
        assert "POST to /v1/models/NAME/predict, NAME one of one, two" in unclear.json()["error"]
        assert 'groundplan_model_info{model="two",version="1"} 1' in (await client.get("/metrics")).text
        assert "/v1/predict" not in (await client.get("/openapi.json")).json()["paths"]

    tell({"one": Slow(), "two": Slow()}, story)


def test_an_explanation_names_the_words_that_a_prediction_stands_on() -> None:
    async def story(client: httpx.AsyncClient, _: Application) -> None:
        answer = await client.post("/v1/explain", json={"instances": [{"text": "oh yyyyyy my"}, {"text": "no"}]})
        first, second = answer.json()["explanations"]
        weights = {"oh yyyyyy my"[part["start"] : part["end"]]: part["weight"] for part in first["parts"]}
        assert first["label"] == "yes"
        assert weights == {"oh": 0, "yyyyyy": pytest.approx(0.6), "my": pytest.approx(0.1)}
        assert second == {"label": "no", "score": 1, "parts": [{"field": "text", "start": 0, "end": 2, "weight": 0}]}
        long = {"instances": [{"text": "y " * 10}]}
        assert len((await client.post("/v1/explain", json=long)).json()["explanations"][0]["parts"]) == 10

    tell({"toy": Words()}, story)


def test_a_model_without_likelihoods_is_not_explained() -> None:
    async def story(client: httpx.AsyncClient, _: Application) -> None:
        assert "/v1/explain" not in (await client.get("/openapi.json")).json()["paths"]
        assert (await client.post("/v1/explain", json=GOOD)).status_code == 404

    tell({"toy": Slow()}, story)


def test_each_answer_has_an_id_which_the_log_has_too(capsys: pytest.CaptureFixture[str]) -> None:
    ids = []

    async def story(client: httpx.AsyncClient, application: Application) -> None:
        for given in ("order-7", "bad id\x7f", ""):
            answer = await client.post("/v1/predict", json=GOOD, headers={"x-request-id": given.encode()})
            ids.append(answer.headers["x-request-id"])
        application.write_log()

    tell({"toy": Slow()}, story)
    assert ids[0] == "order-7"
    assert len({*ids}) == 3
    assert [json.loads(line)["request"] for line in capsys.readouterr().out.splitlines()] == ids


def test_a_share_of_all_exchanges_is_kept_as_sagemaker_keeps_them(tmp_path: Path) -> None:
    capture = Capture(tmp_path, percent=100)

    async def story(client: httpx.AsyncClient, _: Application) -> None:
        await client.post("/v1/predict", json=GOOD, headers={"x-request-id": "one"})
        await client.post("/v1/predict", content=b"nonsense")
        capture.flush()
        capture.flush()

    tell({"toy": Slow()}, story, capture=capture)
    (file,) = tmp_path.rglob("*.jsonl")
    (kept,) = (json.loads(line) for line in file.read_text().splitlines())
    assert kept["eventMetadata"]["eventId"] == "one"
    assert json.loads(kept["captureData"]["endpointInput"]["data"]) == GOOD
    assert json.loads(kept["captureData"]["endpointOutput"]["data"])["predictions"]
    nothing = Capture(tmp_path / "none", percent=0)
    nothing.keep(b"one", b"{}", b"{}")
    nothing.flush()
    assert not (tmp_path / "none").exists()


def test_workers_add_their_numbers_up_and_a_new_one_goes_on_where_the_lost_one_stopped() -> None:
    board = Board(workers=2)
    board.row(0, 1).answered(200, 0.004)
    lost = board.row(1, 1)
    lost.answered(200, 0.004)
    lost.numbers[-1] = 5
    again = board.row(1, 1)
    again.answered(429, 9.0)
    assert sum(board.total(1)[:11]) == 3
    assert board.total(1)[-1] == 0
