"""No code asks which environment or region it is in: what differs is a field."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import environments

ROOT = Path(__file__).parents[2]
ROOMS = ("infra", "stacks", "ci")
NAMES = {*environments.names(), "production"} | {
    region.name for name in environments.names() for region in environments.load(name).regions
}


def sources() -> list[Path]:
    return sorted(file for room in ROOMS for file in (ROOT / room).rglob("*.py")) + list(ROOT.glob("app.py"))


def comparisons(tree: ast.AST) -> Iterator[int]:
    """Yield the lines that compare with, match on or look up by an environment's or region's name."""
    for node in ast.walk(tree):
        sides: list[ast.expr] = []
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
        elif isinstance(node, ast.MatchValue):
            sides = [node.value]
        elif isinstance(node, ast.Dict):
            sides = [key for key in node.keys if key]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            sides = node.args if node.func.attr in {"startswith", "endswith"} else []
        for side in sides:
            if any(isinstance(part, ast.Constant) and part.value in NAMES for part in ast.walk(side)):
                yield node.lineno if hasattr(node, "lineno") else 0


@pytest.mark.parametrize("file", sources(), ids=lambda file: str(file.relative_to(ROOT)))
def test_no_branch_on_a_name(file: Path) -> None:
    assert list(comparisons(ast.parse(file.read_text()))) == []


@pytest.mark.parametrize(
    "code",
    ["name == 'prod'", "name in ('dev', 'x')", "{'prod': 3}[name]", "name.startswith('dev')", "a != 'us-east-1'"],
)
def test_the_search_finds_a_branch(code: str) -> None:
    assert list(comparisons(ast.parse(code)))
