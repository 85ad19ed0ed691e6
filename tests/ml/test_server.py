"""The model server, listening: its answers, its refusals, an empty endpoint, a damaged bundle, an orderly end."""

import json
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from ml.contract import PUBLIC_KEY_VARIABLE
from ml.data import datasets
from ml.models import catalogue
from ml.release.signing import LocalSigner
from tests.ml.jobs import MODULE, ROOT, Job

pytestmark = pytest.mark.xdist_group("ml")
SECONDS_TO_START = 60
GOOD = {"instances": [{"text": "A gorgeous, funny film."}]}


@dataclass(frozen=True)
class Server:
    process: subprocess.Popen[str]
    client: httpx.Client


@contextmanager
def serving(
    base: Path, program: Path = ROOT, launcher: tuple[str, ...] = MODULE, **environment: str
) -> Iterator[Server]:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    job = Job(base=base, program=program, environment={"SAGEMAKER_BIND_TO_PORT": str(port), **environment})
    with (
        job.start("serve", launcher=launcher) as process,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client,
    ):
        try:
            wait_for(lambda: answers(client) or process.poll() is not None)
            assert process.poll() is None, process.communicate()[0]
            yield Server(process=process, client=client)
        finally:
            process.terminate()
            process.wait(timeout=30)


def answers(client: httpx.Client) -> bool:
    try:
        return client.get("/ping").status_code == 200
    except httpx.TransportError:
        return False


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def server(released: Path, signer: LocalSigner) -> Iterator[Server]:
    with serving(released, **{PUBLIC_KEY_VARIABLE: signer.public_key_pem()}) as found:
        yield found


def test_it_answers_what_the_handler_answers(server: Server, released: Path, reviews: Path) -> None:
    instances = [{"text": example.text} for example in datasets.read(reviews)[1]["test"][:30]]
    answer = server.client.post("/invocations", json={"instances": instances})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    expected = catalogue.part("review_sentiment", "handler").load(released / "model", threads=1).predict(instances)
    assert [found["label"] for found in answer.json()["predictions"]] == [found["label"] for found in expected]
    version = json.loads((released / "model" / "manifest.json").read_text())["version"]
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
def test_it_refuses_and_says_why(server: Server, body: bytes, content_type: str, status: int) -> None:
    answer = server.client.post("/invocations", content=body, headers={"content-type": content_type})
    assert answer.status_code == status
    assert "; send " in answer.json()["error"]
    assert server.client.post("/invocations", json=GOOD).status_code == 200


def test_other_paths_and_methods_have_no_answer(server: Server) -> None:
    assert server.client.get("/").status_code == 404
    assert server.client.get("/invocations").status_code == 405


def test_it_counts(server: Server) -> None:
    def counted() -> dict[str, float]:
        lines = (line.rsplit(" ", 1) for line in server.client.get("/metrics").text.splitlines())
        return {name: float(value) for name, value in lines}

    name = 'groundplan_invocations_total{status="200"}'
    before = counted()
    assert server.client.post("/invocations", json=GOOD).status_code == 200
    after = counted()
    assert after[name] == before.get(name, 0) + 1
    assert after['groundplan_invocation_seconds_bucket{le="+Inf"}'] == after["groundplan_invocation_seconds_count"]


def test_an_empty_model_folder_says_what_to_do(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        answer = server.client.post("/invocations", json=GOOD)
        assert answer.status_code == 503
        assert answer.json()["error"] == "endpoint: no model released yet; run `groundplan release`, then call again"


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


def test_one_flipped_bit_is_never_served(released: Path, signer: LocalSigner, tmp_path: Path) -> None:
    environment = {PUBLIC_KEY_VARIABLE: signer.public_key_pem()}
    finished = Job(base=damage(released, tmp_path), environment=environment).run("serve")
    assert finished.code == 2
    assert "model.onnx is damaged" in finished.said
    assert "Traceback" not in finished.said


def test_a_model_without_a_key_to_check_it_is_never_served(released: Path) -> None:
    finished = Job(base=released).run("serve")
    assert finished.code == 2
    assert f"cannot be checked: {PUBLIC_KEY_VARIABLE} is not set" in finished.said


def test_sigterm_ends_it_after_the_request_in_hand(released: Path, signer: LocalSigner) -> None:
    many = {"instances": [{"text": "a long and winding sentence about a film " * 40}] * 64}
    statuses: list[int] = []
    with serving(released, **{PUBLIC_KEY_VARIABLE: signer.public_key_pem()}) as server:
        caller = threading.Thread(
            target=lambda: statuses.append(server.client.post("/invocations", json=many).status_code)
        )
        caller.start()
        with httpx.Client(base_url=server.client.base_url) as other:
            wait_for(lambda: "groundplan_invocations_in_hand 1" in other.get("/metrics").text)
        server.process.send_signal(signal.SIGTERM)
        said, _ = server.process.communicate(timeout=60)
        caller.join()
    assert statuses == [200]
    assert server.process.returncode == 0
    lines = [json.loads(line) for line in said.splitlines()]
    assert lines[0]["event"] == "loaded"
    assert lines[-1]["status"] == 200
