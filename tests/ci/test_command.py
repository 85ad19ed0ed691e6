"""The command line: its exit codes, its two outputs, and what it says to bad input."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.main import get_command

from ci.cli import app, run
from ci.console import LineProgress
from ci.drift import DriftResult
from ci.plan import Changes, PlanResult, StackPlan
from ci.stack_progress import StackProgress
from tests.ci.conftest import REPOSITORY, Tiny

Captured = pytest.CaptureFixture[str]


def words() -> list[list[str]]:
    """Every command by its words; groups with those that they hold."""
    known = get_command(app).commands  # type: ignore[attr-defined]
    inner = [[group, name] for group, command in known.items() for name in getattr(command, "commands", ())]
    return [[name] for name, command in known.items() if not hasattr(command, "commands")] + inner


def groups() -> list[list[str]]:
    known = get_command(app).commands  # type: ignore[attr-defined]
    return [[], *([name] for name, command in known.items() if hasattr(command, "commands"))]


@pytest.mark.parametrize("command", words(), ids=" ".join)
def test_every_command_has_help_with_an_example_and_can_print_json(command: list[str], capsys: Captured) -> None:
    assert run([*command, "--help"]) == 0
    shown = capsys.readouterr().out
    assert "Example: " in shown
    assert f"groundplan {' '.join(command)}" in shown.partition("Example: ")[2].replace("\n", " ")
    assert "--json" in shown


@pytest.mark.parametrize("group", groups(), ids=lambda group: " ".join(group) or "groundplan")
def test_no_line_of_a_list_of_commands_is_cut(
    group: list[str], capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert run([*group, "--help"]) == 0
    commands = capsys.readouterr().out.partition("Commands:\n")[2]
    assert commands
    assert not [line for line in commands.splitlines() if line.endswith("...")]


def test_help_starts_without_what_commands_need() -> None:
    heavy = {"boto3", "infra", "pydantic", "rich"}
    code = f"import sys; from ci.cli import run; run(['--help']); print(sorted({heavy} & set(sys.modules)))"
    shown = subprocess.check_output([sys.executable, "-c", code], cwd=REPOSITORY, text=True)
    assert shown.endswith("[]\n")


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (["deploy", "locl"], "environment: 'locl' has no file in environments/; did you mean 'local'?"),
        (["deploy", "local"], "embedded cloud 'default' is not running; start it: groundplan cloud start"),
        (["deploy"], "Missing argument"),
        (["deplo", "local"], "No such command 'deplo'"),
        (["cloud", "start", "--port", "70000"], "Invalid value for '--port'"),
        (["cloud", "start", "--name", "No!"], "cloud name"),
    ],
)
def test_bad_input_is_told_and_exit_2(command: list[str], told: str, tmp_path: Path, capsys: Captured) -> None:
    home = [] if len(command) < 2 or command[0] == "deplo" else ["--home", str(tmp_path)]
    assert run([*command, *home]) == 2
    shown = capsys.readouterr()
    assert told in shown.err
    assert "Traceback" not in shown.err
    assert shown.out == ""


@pytest.mark.parametrize("command", ["plan", "deploy", "destroy"])
def test_missing_credentials_are_told_before_any_work(
    command: str, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("boto3.Session", lambda: SimpleNamespace(get_credentials=lambda: None))
    assert run([command, "prod", "--home", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert "no AWS credentials are at hand; sign in first" in told
    assert ("groundplan plan prod --from-nothing" in told) == (command == "plan")
    assert not any(tmp_path.rglob("cdk.tf.json"))


@pytest.mark.parametrize(
    ("command", "told"), [("plan", "nothing was changed"), ("deploy", "What was under way is saved")]
)
def test_who_stops_is_told_what_was_done(
    command: str, told: str, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("ci.site.Site.reach", interrupted)
    assert run([command, "local"]) == 130
    assert told in capsys.readouterr().err


def test_a_log_tells_of_a_stack_only_what_became_of_it(capsys: Captured) -> None:
    for state in ("waiting", "preparing", "planning", "applying", "done", "skipped"):
        LineProgress().changed(StackProgress("one", state))
    assert [line.split()[1] for line in capsys.readouterr().err.splitlines()] == ["done", "skipped"]


def test_a_port_that_is_taken_is_told(tmp_path: Path, capsys: Captured) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert run(["cloud", "start", "--port", str(port), "--home", str(tmp_path)]) == 2
    assert str(port) in capsys.readouterr().err
    assert run(["cloud", "status", "--home", str(tmp_path)]) == 0
    assert "no cloud is running" in capsys.readouterr().out


@pytest.mark.parametrize("missing", ["terraform", "node"])
def test_a_missing_tool_is_told_before_anything_is_done(
    tiny: Tiny, missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in {"terraform", "node"} - {missing}:
        (tools / name).symlink_to(next(Path(p, name) for p in os.get_exec_path() if Path(p, name).exists()))
    result = tiny.run("deploy", "local", path=str(tools))
    assert result.returncode == 2, result.stderr
    assert result.stderr.startswith(f"{missing}: no program of that name")
    assert len(result.stderr.splitlines()) == 1


def test_json_is_all_that_standard_output_holds(tiny: Tiny) -> None:
    result = tiny.run("synth", "local", "--json")
    assert json.loads(result.stdout)["resources"] == dict.fromkeys(
        [f"local-us-east-1-{name}" for name in ("first", "second", "third", "aside")], 2
    )


def test_a_cloud_that_runs_is_said_to(tiny: Tiny) -> None:
    assert "It runs already, and was left as it is." in tiny.run("cloud", "start").stdout


def test_drift_of_nothing_says_so(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ci.commands.changes.site", lambda *_: None)
    nothing = DriftResult(environment="local", looked_at={}, stacks={})
    monkeypatch.setattr("ci.drift.drift", lambda *_, **__: nothing)
    assert run(["drift", "local"]) == 0
    assert capsys.readouterr().out == "local: nothing is deployed\n"
    monkeypatch.setattr("ci.drift.drift", lambda *_, **__: nothing.model_copy(update={"looked_at": {"one": 3}}))
    assert run(["drift", "local"]) == 0
    assert capsys.readouterr().out == "local: 0 of 3 resources drifted\n"


@pytest.mark.parametrize("awaits", [(), ("network",)])
def test_a_plan_explains_its_mark_where_it_has_one(
    awaits: tuple[str, ...], capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ci.commands.changes.site", lambda *_: None)
    found = PlanResult(environment="local", stacks={"one": StackPlan(resources=1, awaits=awaits)}, summary=Changes())
    monkeypatch.setattr("ci.plan.plan", lambda *_, **__: found)
    assert run(["plan", "local"]) == 0
    assert ("~ reads what changes with the same deploy" in capsys.readouterr().out) == bool(awaits)


def test_cloud_env_points_a_shell_at_the_cloud(tiny: Tiny) -> None:
    exports = tiny.run("cloud", "env", "local").stdout
    code = "import boto3; print(boto3.client('sts').get_caller_identity()['Account'])"
    shell = f"{exports}\n{sys.executable} -c {json.dumps(code)}"
    answer = subprocess.check_output(["sh", "-c", shell], text=True, env={"PATH": "/usr/bin:/bin"})
    assert answer == "123456789012\n"


def test_a_synthesis_that_fails_is_told_in_one_line(tiny: Tiny) -> None:
    (tiny.workspace.root / "app.py").write_text("raise ValueError('two subnets share 10.0.0.0/24')\n")
    result = tiny.run("synth", "local")
    assert result.returncode == 2
    assert "two subnets share 10.0.0.0/24" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_plan_counts_what_only_the_state_hears_of(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ci.commands.changes.site", lambda *_: None)
    moves = {"move": 2, "import": 3}
    found = PlanResult(environment="local", stacks={"one": StackPlan(resources=9, **moves)}, summary=Changes(**moves))
    monkeypatch.setattr("ci.plan.plan", lambda *_, **__: found)
    assert run(["plan", "local"]) == 0
    title, one, total = (line.split() for line in capsys.readouterr().out.splitlines())
    assert title == ["stack", "create", "update", "replace", "destroy", "move", "import"]
    assert (one[1:], total[1:]) == (["0", "0", "0", "0", "2", "3"],) * 2
