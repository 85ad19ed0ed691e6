"""The rules that keep the house small enough to fork, as tests (docs: README.md, "The rules")."""

import ast
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
MOST_LINES_IN_A_FILE = 300
MOST_LINES_IN_A_FUNCTION = 50
DRAWERS = {"utils.py", "util.py", "helpers.py", "common.py", "constants.py", "misc.py"}
# The first two read the environment; the others copy it for a process that they start.
MAY_TOUCH_ENVIRON = {
    "app.py",
    "ml/contract.py",
    "ci/child_environment.py",
    "infra/bindings.py",
    "infra/localcloud/child_environment.py",
    "infra/localcloud/machines/leash.py",
}


def tracked(pattern: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", pattern],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return [ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).exists()]


def sources() -> list[Path]:
    return [path for path in tracked("*.py") if "tests" not in path.relative_to(ROOT).parts]


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_no_file_is_a_hall() -> None:
    halls = {
        relative(path): lines
        for path in tracked("*.py")
        if (lines := len(path.read_text().splitlines())) > MOST_LINES_IN_A_FILE
    }
    assert not halls, f"files over {MOST_LINES_IN_A_FILE} lines; split them by idea: {halls}"


def test_no_function_is_a_corridor() -> None:
    corridors = {
        f"{relative(path)}:{function.name}": length
        for path in tracked("*.py")
        for function in functions(ast.parse(path.read_text()))
        if (length := (function.end_lineno or 0) - function.lineno + 1) > MOST_LINES_IN_A_FUNCTION
    }
    assert not corridors, f"functions over {MOST_LINES_IN_A_FUNCTION} lines; split them: {corridors}"


def test_no_drawer_for_odds_and_ends() -> None:
    assert not [relative(path) for path in tracked("*.py") if path.name in DRAWERS]


def test_no_two_test_files_share_a_name() -> None:
    # pytest imports them by it, and leaves the second one out with an error that a part of the tests never meets.
    names = Counter(path.name for path in tracked("*/test_*.py"))
    assert [name for name, count in names.items() if count > 1] == []


def test_only_two_files_read_the_environment_and_few_hand_it_on() -> None:
    readers = {
        relative(path) for path in sources() if "os.environ" in path.read_text() or "os.getenv" in path.read_text()
    }
    assert readers <= MAY_TOUCH_ENVIRON, (
        f"pass values instead of reading the environment: {readers - MAY_TOUCH_ENVIRON}"
    )


def compares_with(tree: ast.AST, names: set[str]) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            operands = [node.left, *node.comparators]
            literals = {
                leaf.value for operand in operands for leaf in ast.walk(operand) if isinstance(leaf, ast.Constant)
            }
        elif isinstance(node, ast.match_case):
            literals = {leaf.value for leaf in ast.walk(node.pattern) if isinstance(leaf, ast.Constant)}
        else:
            continue
        if literals & names:
            yield node


def environment_names() -> set[str]:
    import environments

    return set(environments.names()) | {
        region.name for name in environments.names() for region in environments.load(name).regions
    }


def test_differences_are_data_never_a_branch_on_a_name() -> None:
    """The scar: forty `== "production"` lines in one 109,000-line repository."""
    names = environment_names()
    branches = [
        f"{relative(path)}:{node.lineno}"
        for path in sources()
        for node in compares_with(ast.parse(path.read_text()), names)
    ]  # type: ignore[attr-defined]
    assert not branches, f"give the environment a field instead of comparing its name: {branches}"


@pytest.mark.parametrize(
    "code", ['x == "prod"', 'x in ("dev", "prod")', 'match x:\n  case "prod": pass', '"prod" != x.name']
)
def test_the_branch_finder_finds(code: str) -> None:
    assert list(compares_with(ast.parse(code), {"prod", "dev"}))


def test_no_path_of_a_machine_and_no_registry_host_is_committed() -> None:
    text_files = [
        path for path in tracked("*") if path.suffix not in {".png", ".whl", ".gz"} and path != Path(__file__)
    ]
    words = ("/root" + "/", "/work" + "/", "pypi" + ".org", "npmjs" + ".org", "deb." + "debian.org")
    found = [
        f"{relative(path)}: {word}" for path in text_files for word in words if word in path.read_text(errors="ignore")
    ]
    assert not found, f"remove machine paths and registry hosts: {found}"
