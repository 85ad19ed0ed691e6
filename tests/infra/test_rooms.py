"""Who may import whom, closer than packages: constructs are joined in stacks, stacks in the platform, by values."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EDGE_HELPERS = {"edge_names", "edge_policies", "edge_rules"}
SIGNALS = {f"{kind}_signals" for kind in ("cluster", "endpoint", "fleet", "news", "queue")}
PAGE_HELPERS = {"grafana", "overview", "page", *SIGNALS}
HELPERS = {
    *("access_policies", "api_definition", "audit_policies", "binding_checks", "bindings", *EDGE_HELPERS),
    *("naming", *PAGE_HELPERS),
    *("kept_logs", "metric_alarm", "pool_user_data", "role", "toolkit", "warm_up", "watch"),
}
CONSTRUCTS = [file for file in sorted((ROOT / "infra").glob("*.py")) if file.stem not in HELPERS | {"__init__"}]
STACKS = [file for file in sorted((ROOT / "stacks").glob("*.py")) if file.stem not in {"__init__", "platform"}]


def imported(file: Path, package: str) -> dict[str, set[str]]:
    """Return what `file` imports of `package`: the module's name below it → the names taken."""
    found: dict[str, set[str]] = {}
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == package:
            module = node.module.partition(".")[2]
            found.setdefault(module, set()).update(alias.name for alias in node.names)
        assert not isinstance(node, ast.Import) or not any(alias.name.startswith(package) for alias in node.names)
    return found


@pytest.mark.parametrize("file", CONSTRUCTS, ids=lambda file: file.stem)
def test_a_construct_imports_words_and_helpers_only(file: Path) -> None:
    modules = {module.split(".")[0] for module in imported(file, "infra")}
    assert modules <= HELPERS | {"spec"}
    assert imported(file, "stacks") == {}


@pytest.mark.parametrize("file", STACKS, ids=lambda file: file.stem)
def test_a_stack_takes_only_the_outputs_of_others(file: Path) -> None:
    taken = {name for names in imported(file, "stacks").values() for name in names}
    assert all(name.endswith("Outputs") for name in taken)


@pytest.mark.parametrize("file", STACKS, ids=lambda file: file.stem)
def test_a_stack_is_a_story_without_ifs(file: Path) -> None:
    branches = (ast.If, ast.IfExp, ast.Match, ast.Try, ast.While)
    assert not [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, branches)]
