"""Any model can be asked: what it takes and what it answers are its own affair."""

import json
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

import environments
from ci import predict as asking
from ci.commands.models import predict as command
from ci.errors import CommandError
from ci.invocation import Caller
from ci.predict import predict
from ci.site import Site
from ci.workspace import Workspace
from ml.models import catalogue
from ml.models.card import Signature, TextField

ANSWERS = {
    "review_writer": {"continuation": " is long.", "bytes": [32, 105]},
    "review_sentiment": {"label": "positive", "score": 0.87654},
}


class Served:
    """Stands for an endpoint: answers as the handler of its model would, and holds requests to its limit."""

    def __init__(self, site: Site, region: str, model: str) -> None:
        self._model = model
        self.most = catalogue.card(model).signature.most_instances

    def ask(self, instances: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        assert len(instances) <= self.most
        assert all(instance.keys() == {"text"} for instance in instances)
        return {"model_version": "1.0.0+abc", "predictions": [ANSWERS[self._model] for _ in instances]}


@pytest.fixture(params=sorted(ANSWERS))
def model(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A model behind the endpoint `any`."""
    name = str(request.param)
    region = environments.load("local").regions[0]
    contract = type("Contract", (), {"model": name})
    monkeypatch.setattr(asking, "find_endpoint", lambda site, endpoint: (region, contract))
    monkeypatch.setattr(asking, "Caller", lambda site, region, contract: Served(site, region, contract.model))
    return name


@pytest.fixture
def site() -> Site:
    return Site(environments.load("local"), Workspace(), "http://127.0.0.1:1")


def test_every_models_answer_is_told_as_it_is(site: Site, model: str) -> None:
    texts = [f"text {number}" for number in range(70)]
    found = predict(site, "any", texts)
    assert [one.text for one in found.predictions] == texts
    assert all(one.answer == ANSWERS[model] for one in found.predictions)


def test_the_table_has_a_column_for_each_part_of_the_answer(
    site: Site, model: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("ci.commands.models.site", lambda *_: site)
    command("local", "any", ["This film"])
    head, row = capsys.readouterr().out.splitlines()
    wanted = {
        "review_writer": (["continuation", "bytes"], " is long.     [32, 105]"),
        "review_sentiment": (["label", "score"], "positive  0.8765"),
    }
    assert head.split() == [*wanted[model][0], "ms", "text"]
    assert row.startswith(wanted[model][1])
    assert row.endswith("This film")
    command("local", "any", ["This film"], json=True)
    assert json.loads(capsys.readouterr().out)["predictions"][0]["answer"] == ANSWERS[model]


def test_an_endpoint_without_a_model_says_how_to_release_one(site: Site) -> None:
    """The server's own words for it stand in tests/ml/serving/test_server.py."""
    contract: Any = SimpleNamespace(endpoint_name="groundplan-local-review-sentiment", model="review_sentiment")
    said = {"error": "endpoint: no model released yet; run `groundplan release start`, then call again"}
    error = Caller(site, "us-east-1", contract)._of_model("HTTP 503", json.dumps(said))
    assert (str(error), error.exit_code) == (
        "endpoint 'review-sentiment': no model was released to it yet; "
        "release one: groundplan release start local review_sentiment",
        2,
    )


def test_a_model_with_several_fields_takes_them_as_an_object() -> None:
    signature = Signature(instance=dict.fromkeys(("title", "text"), TextField(most_characters=9)), labels=())
    instance = asking._instance
    assert instance('{"title": "a", "text": "b"}', signature) == {"title": "a", "text": "b"}
    for wrong in ("a", "[1]"):
        with pytest.raises(CommandError, match='is no JSON object; write {"title": "…", "text": "…"}'):
            instance(wrong, signature)
