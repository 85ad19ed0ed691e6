"""Whether anybody approves what enters an environment on GitHub, asked of a server that answers as GitHub does."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

import environments
from ci.cli import run
from ci.github_gates import GithubApi, check_gates, commands
from infra.spec import EmbeddedCloud, Environment, GithubSpec, PreviewSpec

PLACE = "/repos/acme/models/environments"
# What https://docs.github.com/en/rest/deployments/environments shows, as far as it is read.
ASKS = {"name": "dev", "protection_rules": [{"type": "required_reviewers", "reviewers": [{"type": "User"}]}]}
ASKS_NOBODY = {"name": "dev", "protection_rules": [{"type": "wait_timer", "wait_timer": 0}, {"type": "branch_policy"}]}


class Api(BaseHTTPRequestHandler):
    """Knows the environments that a test wrote down, for one token."""

    known: dict[str, dict[str, object]]

    def do_GET(self) -> None:
        """Answer with one environment."""
        told = self.known.get(self.path)
        authorized = self.headers["Authorization"] == "Bearer word"
        self.send_response(403 if not authorized else 404 if told is None else 200)
        self.end_headers()
        self.wfile.write(json.dumps(told or {}).encode())

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def api() -> Iterator[str]:
    Api.known = {}
    with HTTPServer(("127.0.0.1", 0), Api) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def dev() -> Environment:
    changes = {"github": GithubSpec(repository="acme/models"), "preview": PreviewSpec()}
    return environments.load("dev").model_copy(update=changes)


def test_an_environment_that_asks_nobody_is_told_with_the_command_that_mends_it(api: str, dev: Environment) -> None:
    Api.known = {f"{PLACE}/dev": ASKS, f"{PLACE}/dev-preview": ASKS_NOBODY}
    deploys, previews = check_gates(dev, GithubApi(api, "word"))
    assert (deploys.state, previews.state) == ("ok", "warn")
    assert previews.told.startswith("GitHub's environment 'dev-preview' asks nobody")
    assert previews.fix == commands(dev)[-1]
    del Api.known[f"{PLACE}/dev"]
    missing = check_gates(dev, GithubApi(api, "word"))[0]
    assert (missing.state, missing.fix) == ("warn", " && ".join(commands(dev)[:2]))
    assert missing.told == "acme/models has no environment 'dev' on GitHub that this token may see"


def test_a_token_that_may_not_and_a_github_that_is_away_fail_nothing(api: str, dev: Environment) -> None:
    assert check_gates(dev, None) == []
    assert check_gates(dev.model_copy(update={"target": EmbeddedCloud()}), GithubApi(api, "word")) == []
    refused = check_gates(dev, GithubApi(api, "another"))[0]
    assert (refused.state, refused.told.endswith("/dev was answered 403")) == ("warn", True)
    away = check_gates(dev, GithubApi("http://127.0.0.1:9", "word"))[0]
    assert (away.state, away.fix) == ("warn", "look at the way to GitHub")


def test_the_doctor_prints_a_command_as_it_is_to_be_pasted(
    api: str, dev: Environment, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(environments, "load", lambda _: dev)
    monkeypatch.setattr("ci.doctor.check_machine", lambda _: ())
    monkeypatch.setattr("ci.doctor._beyond", lambda *_: [])
    monkeypatch.setattr("ci.doctor.check_ownership", lambda _: [])
    assert run(["doctor", "dev", "--token", "word", "--api", api]) == 0
    assert f"→ {commands(dev)[-1]}" in capsys.readouterr().out
