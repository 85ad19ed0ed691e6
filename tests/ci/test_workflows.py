"""The workflows: linted, pinned, without a right too many, and every step a command of ours whose options exist."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import environments
from ci.cli import run
from ci.errors import CommandError
from ci.github import GitHub
from ci.github_gates import gates
from ci.workflow.recorder import recorder
from ci.workflow.runner import rehearse_workflow
from ci.workflow.stage import Event
from ci.workspace import ROOT, Workspace
from infra.spec import PreviewSpec

FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
SET_UP = ROOT / ".github" / "actions" / "set-up" / "action.yml"
BIN = Path(sys.executable).parent
BY_THE_CLOCK = {("bursts", "reap"): "reap", ("preview", "reap"): "preview"}
MAY_BE_GIVEN = {"contents: read", "id-token: write", "pull-requests: write", "issues: write", "attestations: write"}


def document(file: Path) -> dict[Any, Any]:
    found: dict[Any, Any] = yaml.safe_load(file.read_text())
    return found


def steps(file: Path) -> list[dict[str, Any]]:
    return [step for job in document(file)["jobs"].values() for step in job.get("steps", [])]


def commands() -> list[tuple[str, str]]:
    """Every command line of the workflows and of GitLab's file, with the file that it stands in."""
    found = [(file.name, step["run"]) for file in FILES for step in steps(file) if "run" in step]
    jobs = document(ROOT / ".gitlab-ci.yml")
    gitlab = [
        job[key] for job in jobs.values() if isinstance(job, dict) for key in ("script", "before_script") if key in job
    ]
    return found + [(".gitlab-ci.yml", line.removeprefix(".venv/bin/")) for lines in gitlab for line in lines]


@pytest.mark.parametrize(
    "linter",
    [
        ("zizmor", "--offline", "--no-progress", "--quiet", "."),
        ("jactionlint", "--shellcheck", str(BIN / "shellcheck")),
        ("hadolint", "ml/images/Dockerfile"),
    ],
)
def test_linters_have_nothing_to_say(linter: tuple[str, ...]) -> None:
    done = subprocess.run([BIN / linter[0], *linter[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_workflow_has_no_right_that_it_does_not_name_and_ends_by_itself(file: Path) -> None:
    whole = document(file)
    assert whole["permissions"] == {}
    events = whole.get("on", whole.get(True))
    assert "pull_request_target" not in events
    assert "concurrency" in whole or "workflow_call" in events
    for job in whole["jobs"].values():
        assert {f"{right}: {level}" for right, level in job["permissions"].items()} <= MAY_BE_GIVEN
        assert "uses" in job or job["timeout-minutes"] <= 360
    assert "secrets." not in file.read_text(), "AWS is reached by OIDC alone"


@pytest.mark.parametrize(
    "file", [*FILES, ROOT / ".github" / "actions" / "set-up" / "action.yml"], ids=lambda file: file.stem
)
def test_what_others_wrote_is_pinned_by_its_commit(file: Path) -> None:
    for used in re.findall(r"uses: (\S.*)", file.read_text()):
        assert used.startswith("./.github/") or re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", used), used


def test_who_changes_an_account_waits_for_approval_and_who_reads_takes_the_reading_role() -> None:
    for file in FILES:
        for name, job in document(file)["jobs"].items():
            roles = {
                step["with"]["role-to-assume"]
                for step in job.get("steps", [])
                if "role-to-assume" in step.get("with", {})
            }
            gate = job.get("environment", "")
            by_gate = "plan" if not gate else "preview" if gate.endswith("-preview") else "deploy"
            # The clock waits for nobody, with what ends a burst, and with what makes and ends previews.
            kind = BY_THE_CLOCK.get((file.stem, name), by_gate)
            assert roles <= {f"${{{{ steps.roles.outputs.{kind} }}}}"}, file.name
            assert (file.stem, name) not in BY_THE_CLOCK or (not gate and roles)


def test_each_environment_that_workflows_name_on_github_is_one_that_a_bootstrap_tells_of() -> None:
    named = {
        re.sub(r"\$\{\{.*?\}\}", "dev", job["environment"])
        for file in FILES
        for job in document(file)["jobs"].values()
        if "environment" in job
    }
    dev = environments.load("dev").model_copy(update={"preview": PreviewSpec()})
    assert named == set(gates(dev))


def test_every_step_is_a_command_of_ours_with_options_that_exist() -> None:
    from typer.main import get_command

    from ci.cli import app

    known = get_command(app).commands  # type: ignore[attr-defined]
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    for file, line in commands():
        program, word, *rest = shlex.split(line)
        if program == "make":
            assert (word in targets, rest) == (True, []), f"{file}: {line}"
            continue
        assert program == "groundplan", f"{file}: {line}"
        command = known[word]
        if inner := getattr(command, "commands", None):
            command = inner[rest[0]]
        options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
        assert {given for given in rest if given.startswith("--")} <= options, f"{file}: {line}"
        assert "${{" not in line, "a value reaches a shell by a variable, never by its text"


def test_a_comment_and_an_issue_are_written_once_renewed_and_closed() -> None:
    with recorder() as kept:
        here = GitHub(kept.url, "a/b", "token")
        for body in ("one", "two " + "x" * 70_000):
            here.comment(7, "plan of dev", body)
        here.comment(7, "plan of prod", "other")
        first, other = kept.comments.values()
        assert first["body"].startswith("<!-- groundplan: plan of dev -->\ntwo ")
        assert len(first["body"]) < 65_536
        assert "other" in other["body"]
        assert here.issue("drift of dev", "dev drifted", None) is None
        assert here.issue("drift of dev", "dev drifted", "a") == here.issue("drift of dev", "dev drifted", "b")
        (issue,) = kept.issues.values()
        assert (issue["title"], issue["body"], issue["state"]) == (
            "dev drifted",
            "<!-- groundplan: drift of dev -->\nb",
            "open",
        )
        here.issue("drift of dev", "dev drifted", None)
        assert issue["state"] == "closed"
        first["user"]["login"] = "stranger"
        here.comment(7, "plan of dev", "three")
        assert [one["body"].split()[-1] for one in kept.comments.values()][0::2] == [first["body"].split()[-1], "three"]
        with pytest.raises(CommandError, match=r"answered 404.*pull-requests: write"):
            GitHub(kept.url, "a/b", "token")._ask("PATCH", "issues/99", {})


def test_a_workflow_learns_its_role_and_tells_what_it_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    output, plan = tmp_path / "output", tmp_path / "plan.md"
    assert run(["roles", "prod", "--output", str(output)]) == 0
    assert output.read_text() == capsys.readouterr().out
    account = environments.load("prod").account_id
    assert f"plan=arn:aws:iam::{account}:role/groundplan-prod-us-east-1-plan\n" in output.read_text()
    plan.write_text("## Plan\n")
    with recorder() as kept:
        for name, value in {"GITHUB_API_URL": kept.url, "GITHUB_REPOSITORY": "a/b", "PULL_REQUEST": "7"}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("GITHUB_TOKEN", raising=False)
        words = ["comment", str(plan), str(tmp_path / "cost.md"), "--about", "plan of dev"]
        assert run(words) == 2
        assert "GitHub: --token has no value" in capsys.readouterr().err
        assert run([*words, "--token", "t"]) == 0
        (comment,) = kept.comments.values()
    assert "## Plan\n\n> [!WARNING]\n> `" in comment["body"]
    assert "cost.md` was not written" in comment["body"]


WORKFLOW = """
on: {workflow_dispatch: {inputs: {word: {default: bye}, environment: {default: dev}}}}
env:
  WORD: ${{ inputs.word }} ${{ inputs.environment }}
  LABELS: ${{ join(github.event.pull_request.labels.*.name, ',') }}
  BASE: HEAD^1
jobs:
  second:
    needs: [first]
    runs-on: here
    env: {TOLD: "${{ needs.first.outputs.told || 'nothing' }}"}
    steps:
      - run: groundplan "$TOLD"
      - run: exit 3
      - run: groundplan never
      - run: groundplan always
        if: ${{ !cancelled() }}
  first:
    runs-on: here
    outputs: {told: "${{ steps.say.outputs.told }}"}
    steps:
      - uses: actions/checkout@0
      - id: say
        run: echo "told=$WORD $LABELS, not into HEAD^1 but $BASE" >> "$GITHUB_OUTPUT"
  third:
    needs: second
    runs-on: here
    steps:
      - run: groundplan third
  fourth:
    needs: first
    runs-on: here
    strategy: {max-parallel: 1, matrix: {environment: [dev, prod], image: [a, b]}}
    env: {IMAGE: "${{ matrix.image }} ${{ matrix.environment }}"}
    steps:
      - run: groundplan "$IMAGE"
"""


def test_a_rehearsal_runs_steps_as_github_would(tmp_path: Path) -> None:
    (tmp_path / ".github" / "workflows").mkdir(parents=True)
    (tmp_path / ".github" / "workflows" / "some.yml").write_text(WORKFLOW)
    (tmp_path / "tells").write_text('#!/bin/sh\necho "$1" >> "$GITHUB_STEP_SUMMARY"\n')
    (tmp_path / "tells").chmod(0o755)
    place = Workspace(root=tmp_path, home=tmp_path / "home")
    event = Event(base="0", labels=("a", "b"), inputs={"word": "hello"})
    result = rehearse_workflow("some", environments.load("local"), place, event=event, program=("./tells",))
    states = {job: [step.state for step in result.steps if step.job == job] for job in {s.job for s in result.steps}}
    assert states == {
        "first": ["done", "done"],
        "second": ["done", "failed", "skipped", "done"],
        "third": ["skipped"],
        "fourth (local, a)": ["done"],
        "fourth (local, b)": ["done"],
    }
    told = ["a local", "always", "b local", "hello local a,b, not into HEAD^1 but 0"]
    assert sorted(result.told[0].read_text().splitlines()) == told
    with pytest.raises(CommandError, match="'prod' is real"):
        rehearse_workflow("some", environments.load("prod"), place, event=event)
    with pytest.raises(CommandError, match="did you mean 'some'"):
        rehearse_workflow("sone", environments.load("local"), place, event=event)


COLOURED = """
on: workflow_dispatch
jobs:
  only:
    runs-on: here
    steps:
      - run: groundplan
"""


def test_steps_write_no_colours_where_the_rehearsal_s_output_is_no_terminal(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / ".github" / "workflows").mkdir(parents=True)
    (tmp_path / ".github" / "workflows" / "some.yml").write_text(COLOURED)
    writes = "from rich.console import Console; Console().print('[bold red]what a step says')"
    place = Workspace(root=tmp_path, home=tmp_path / "home")
    program = (sys.executable, "-c", writes)
    result = rehearse_workflow("some", environments.load("local"), place, event=Event(base="0"), program=program)
    assert not result.failed
    said = capfd.readouterr().err
    assert "what a step says" in said
    assert "\x1b" not in said


def test_what_make_runs_meets_nothing_of_the_rehearsal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GROUNDPLAN_HOME", raising=False)
    (tmp_path / ".github" / "workflows").mkdir(parents=True)
    (tmp_path / ".github" / "workflows" / "some.yml").write_text(COLOURED.replace("groundplan", "make"))
    (tmp_path / "Makefile").write_text('all:\n\t@echo "$$PATH $$GROUNDPLAN_HOME." > met\n')
    place = Workspace(root=tmp_path, home=tmp_path / "home")
    assert not rehearse_workflow("some", environments.load("local"), place, event=Event(base="0")).failed
    assert (tmp_path / "met").read_text() == f"{os.environ['PATH']} .\n"
