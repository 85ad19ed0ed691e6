"""A job learns from its own token that an environment's roles were made for another repository, and what to write."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

import environments
from ci.cli import run
from ci.errors import CommandError
from ci.workflow_identity import Claims, check_claims, issued_claims
from infra.spec import EmbeddedCloud, GithubSpec

SUBJECT, MAIN = "repo:acme@12/models@345:environment:dev", "refs/heads/main"


class Issuer(BaseHTTPRequestHandler):
    """Answers as GitHub does, whoever asks with the job's own word."""

    def do_GET(self) -> None:
        """Issue a token, unsigned."""
        asked = self.path == "/token?api-version=2.0&audience=sts.amazonaws.com"
        known = asked and self.headers["Authorization"] == "Bearer word"
        claims = urlsafe_b64encode(json.dumps({"sub": SUBJECT, "ref": MAIN}).encode()).decode().rstrip("=")
        self.send_response(200 if known else 403)
        self.end_headers()
        self.wfile.write(json.dumps({"value": f"head.{claims}.signature"} if known else {}).encode())

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Issuer) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/token?api-version=2.0"
        server.shutdown()
        thread.join()


def test_a_job_is_told_its_subject_and_an_issuer_that_refuses_stops_nothing(issuer: str) -> None:
    assert issued_claims(issuer, "word") == Claims(SUBJECT, MAIN)
    assert issued_claims(issuer, "another") is None
    assert issued_claims("http://127.0.0.1:9/token?", "word") is None


def told(subject: str, ref: str = MAIN, **fields: str) -> str | None:
    dev = environments.load("dev").model_copy(update={"github": GithubSpec(repository="acme/models", **fields)})
    try:
        check_claims(dev, Claims(subject, ref))
    except CommandError as error:
        return str(error)
    return None


def test_the_words_to_write_are_told_where_the_roles_are_another_s() -> None:
    assert told(SUBJECT, owner_id="12", repository_id="345") is None
    assert told("repo:acme/models:pull_request") is None
    for subject, fields, words in (
        (SUBJECT, {}, "repository='acme/models', owner_id='12', repository_id='345'"),
        (SUBJECT, {"owner_id": "12", "repository_id": "346"}, "owner_id='12', repository_id='345'"),
        ("repo:me@7/copy@8:pull_request", {}, "repository='me/copy', owner_id='7', repository_id='8'"),
        (
            "repo:acme/models:pull_request",
            {"owner_id": "12", "repository_id": "345"},
            "repository='acme/models', without owner_id and repository_id",
        ),
    ):
        found = str(told(subject, **fields))
        assert f"and GitHub calls this workflow {subject}; write github=GithubSpec(" in found
        assert f"{words}) in environments/dev.py, then: groundplan bootstrap dev" in found
    customized = str(told("repository_owner:acme:workflow:plan"))
    assert "gh api -X PUT repos/acme/models/actions/oidc/customization/sub -F use_default=true" in customized


@pytest.mark.parametrize(
    ("context", "ref", "refused"),
    [
        ("environment:dev", MAIN, False),
        ("environment:dev", "refs/heads/mine", True),
        ("environment:dev-preview", "refs/pull/7/merge", False),
        ("environment:other", MAIN, True),
        (f"ref:{MAIN}:job_workflow_ref:x", MAIN, True),
        ("pull_request", "refs/pull/7/merge", False),
        (f"ref:{MAIN}", MAIN, False),
        ("ref:refs/heads/mine", "refs/heads/mine", True),
    ],
)
def test_a_job_on_a_branch_that_no_role_trusts_is_told_so(context: str, ref: str, refused: bool) -> None:
    found = told(f"repo:acme/models:{context}", ref)
    assert (found is not None) == refused
    words = f"{context} on {ref} may take none of its roles: they are for {MAIN} and for pull requests; "
    fix = (
        "name no environment of GitHub's but 'dev' in the job; or let GitHub write its default"
        if ref == MAIN
        else "run it on main"
    )
    assert found is None or words + fix in found


def test_nobody_signs_in_to_an_embedded_cloud() -> None:
    check_claims(environments.load("dev").model_copy(update={"target": EmbeddedCloud()}), Claims(SUBJECT, "anything"))


def test_the_question_after_roles_ends_before_aws_would_refuse(
    issuer: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", issuer)
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "word")
    assert run(["roles", "local"]) == 0
    capsys.readouterr()
    other = environments.load("dev").model_copy(update={"github": GithubSpec(repository="acme/models")})
    monkeypatch.setattr(environments, "load", lambda _: other)
    assert run(["roles", "dev"]) == 2
    assert "owner_id='12', repository_id='345'" in capsys.readouterr().err
