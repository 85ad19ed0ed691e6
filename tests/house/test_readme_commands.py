"""What README says in its tables and sentences to call is taken by the command itself, as it stands.

What stands in blocks is run, by tests/ci/test_readme_blocks.py; most of this wants an account, or something deployed.
"""

import re
import shlex

import pytest
from typer.main import get_command

import environments
from ci.cli import app
from tests.house.test_house import ROOT

PROSE = re.sub(r"^```.*?^```$", "", (ROOT / "README.md").read_text(), flags=re.DOTALL | re.MULTILINE)
CALLS = sorted({" ".join(words.split()) for words in re.findall(r"`(groundplan [a-z][^`]+)`", PROSE)})


@pytest.mark.parametrize("line", CALLS)
def test_a_line_is_taken_by_the_command_as_it_stands(line: str) -> None:
    command, words, context = get_command(app), shlex.split(line)[1:], None
    while True:
        context = command.make_context(command.name or "groundplan", words, parent=context)
        if not hasattr(command, "resolve_command"):
            break
        _, command, words = command.resolve_command(context, [*context._protected_args, *context.args])
    named = {value for key, value in context.params.items() if key in ("environment", "one", "other")}
    assert named <= {*environments.names(), None}
