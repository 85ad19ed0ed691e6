"""The model server, listening: its answers, its refusals, an empty endpoint, a damaged bundle."""

import json
import shutil
from pathlib import Path

import pytest

from ml.contract import PUBLIC_KEY_VARIABLE
from ml.models import catalogue
from tests.ml.jobs import Job
from tests.ml.serving.processes import GOOD, Light, Server, serving


def test_it_answers_what_the_handler_answers(light_server: Server, light: Light) -> None:
    base, _ = light
    instances = [{"text": "a quiet, lovely film " * times} for times in range(1, 31)]
    answer = light_server.client.post("/invocations", json={"instances": instances})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    expected = catalogue.part("review_sentiment", "handler").load(base / "model", threads=1).predict(instances)
    assert [found["label"] for found in answer.json()["predictions"]] == [found["label"] for found in expected]
    version = json.loads((base / "model" / "manifest.json").read_text())["version"]
    assert answer.json()["model_version"] == version


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"not json", "application/json", 400),
        (b"", "application/json", 400),
        (b'{"instances": [{"text": NaN}]}', "application/json", 400),
        (b"a,b", "text/csv", 415),
        (b" " * 10_000_000, "application/json", 413),
    ],
)
def test_it_refuses_and_says_why(light_server: Server, body: bytes, content_type: str, status: int) -> None:
    answer = light_server.client.post("/invocations", content=body, headers={"content-type": content_type})
    assert answer.status_code == status
    assert "; send " in answer.json()["error"]
    assert light_server.client.post("/invocations", json=GOOD).status_code == 200


def test_other_paths_and_methods_have_no_answer(light_server: Server) -> None:
    assert light_server.client.get("/").status_code == 404
    assert light_server.client.get("/invocations").status_code == 405


def test_it_counts(light_server: Server) -> None:
    def counted() -> dict[str, float]:
        page = light_server.client.get("/metrics").text
        lines = (line.rsplit(" ", 1) for line in page.splitlines() if not line.startswith("#"))
        return {name: float(value) for name, value in lines}

    name = 'groundplan_invocations_total{model="review_sentiment",status="200"}'
    before = counted()
    assert light_server.client.post("/invocations", json=GOOD).status_code == 200
    after = counted()
    assert after[name] == before.get(name, 0) + 1
    seconds = "groundplan_invocation_seconds"
    assert (
        after[seconds + '_bucket{model="review_sentiment",le="+Inf"}']
        == after[seconds + '_count{model="review_sentiment"}']
    )


def test_an_empty_model_folder_says_what_to_do(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        answer = server.client.post("/invocations", json=GOOD)
        assert answer.status_code == 503
        fix = "run `groundplan release start`, then call again"
        assert answer.json()["error"] == f"endpoint: no model released yet; {fix}"


def damage(base: Path, path: Path) -> Path:
    """Copy a released model and flip one bit in one file of the copy."""
    shutil.copytree(base / "model", path / "model")
    weights = path / "model" / "model.onnx"
    with weights.open("r+b") as file:
        file.seek(weights.stat().st_size // 2)
        byte = file.read(1)[0]
        file.seek(-1, 1)
        file.write(bytes([byte ^ 1]))
    return path


def test_one_flipped_bit_is_never_served(light: Light, tmp_path: Path) -> None:
    base, environment = light
    finished = Job(base=damage(base, tmp_path), environment=environment).run("serve")
    assert finished.code == 2
    assert "model.onnx is damaged" in finished.said
    assert "Traceback" not in finished.said


def test_a_model_without_a_key_to_check_it_is_never_served(light: Light) -> None:
    finished = Job(base=light[0]).run("serve")
    assert finished.code == 2
    assert f"cannot be checked: {PUBLIC_KEY_VARIABLE} is not set" in finished.said
