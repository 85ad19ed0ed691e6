"""What README says in its tables and sentences to call is taken by the command itself, as it stands.

What stands in blocks is run, by tests/ci/test_readme_blocks.py; most of this wants an account, or something deployed.
"""

import re
import shlex
from pathlib import Path

import pytest
from typer.main import get_command

import environments
from ci.cli import app
from tests.house.test_house import ROOT


def called(*pages: Path) -> list[str]:
    """What stands outside of blocks between backticks and begins with our command."""
    prose = "\n".join(re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE) for page in pages)
    return sorted({" ".join(words.split()) for words in re.findall(r"`(groundplan [a-z][^`]+)`", prose)})


@pytest.mark.parametrize("line", called(ROOT / "README.md"))
def test_a_line_is_taken_by_the_command_as_it_stands(line: str) -> None:
    command, words, context = get_command(app), shlex.split(line)[1:], None
    while True:
        context = command.make_context(command.name or "groundplan", words, parent=context)
        if not hasattr(command, "resolve_command"):
            break
        _, command, words = command.resolve_command(context, [*context._protected_args, *context.args])
    named = {value for key, value in context.params.items() if key in ("environment", "one", "other")}
    assert named <= {*environments.names(), None}


@pytest.mark.parametrize("line", called(*(ROOT / "docs").rglob("*.md")))
def test_a_command_that_a_page_speaks_of_exists_with_its_options(line: str) -> None:
    """A page speaks of a command in general: `groundplan cost ENV`, `groundplan train … --stream`."""
    command, words = get_command(app), shlex.split(line)[1:]
    while inner := getattr(command, "commands", None):
        assert words, f"{line} is a group"
        command = inner[words.pop(0)]
    options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    assert {word for word in words if word.startswith("-")} <= options
