"""The server's application without a network: what it does when it is busy, and when a model fails."""

import asyncio
import threading
from typing import Any, cast

import httpx
import pytest

from ml.models.card import Signature, TextField
from ml.release.bundle import BundleManifest
from ml.serving import application
from ml.serving.application import Application
from ml.serving.loading import ServedModel

SIGNATURE = Signature(instance={"text": TextField(most_characters=10)}, labels=("no", "yes"))
GOOD = {"instances": [{"text": "a"}]}


class Slow:
    """A model that answers when it is let go."""

    def __init__(self) -> None:
        self.let_go = threading.Event()

    def predict(self, instances: list[dict[str, Any]]) -> list[dict[str, Any]]:
        assert self.let_go.wait(20)
        return [{"label": "yes", "score": 1.0} for _ in instances]


class Broken:
    """A model that fails."""

    def predict(self, instances: list[dict[str, Any]]) -> list[dict[str, Any]]:
        raise ZeroDivisionError(f"on {len(instances)}")


def client_of(handler: object) -> httpx.AsyncClient:
    manifest = BundleManifest(model="toy_model", version="1", files={})
    app = Application(ServedModel(manifest, SIGNATURE, cast(Any, handler)))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=cast(Any, app)), base_url="http://server")


def test_it_answers_pings_while_the_model_works_and_refuses_what_is_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(application, "MOST_IN_HAND", 2)

    async def story() -> None:
        model = Slow()
        async with client_of(model) as client:
            taken = [asyncio.ensure_future(client.post("/invocations", json=GOOD)) for _ in range(2)]
            while "in_hand 2" not in (await client.get("/metrics")).text:
                await asyncio.sleep(0)
            assert (await client.get("/ping")).status_code == 200
            refused = await client.post("/invocations", json=GOOD)
            assert refused.status_code == 503
            assert refused.json()["error"] == "server: 2 requests are in hand already; call again later"
            model.let_go.set()
            assert [(await answer).status_code for answer in taken] == [200, 200]
            assert (await client.post("/invocations", json=GOOD)).status_code == 200

    asyncio.run(asyncio.wait_for(story(), 30))


def test_a_model_that_fails_is_a_500_without_its_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    async def story() -> httpx.Response:
        async with client_of(Broken()) as client:
            return await client.post("/invocations", json=GOOD)

    answer = asyncio.run(story())
    assert answer.status_code == 500
    assert answer.json() == {"error": "the model failed on this request; the server's log says why"}
    assert "ZeroDivisionError: on 1" in capsys.readouterr().out
