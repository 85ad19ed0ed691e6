"""The README is held to the disk: its tree, its table, its commands."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text()


def block_after(heading: str) -> list[str]:
    section = README.split(f"## {heading}\n", 1)[1]
    return section.split("```", 2)[1].splitlines()[1:]


def on_disk() -> set[str]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    present = [Path(line) for line in listed if (ROOT / line).exists()]
    top = {path.parts[0] + ("/" if len(path.parts) > 1 else "") for path in present}
    inside = {
        "/".join(path.parts[:2]) + "/" for path in present if len(path.parts) > 2 and path.parts[0] in {"infra", "ml"}
    }
    return top | inside


def test_the_tree_is_the_disk() -> None:
    told = {line.split()[0] for line in block_after("The tree") if line.strip()}
    assert told == on_disk()


def test_each_line_of_the_tree_says_what_for() -> None:
    assert all(len(line.split()) > 2 for line in block_after("The tree") if line.strip())


def test_every_path_in_the_want_table_exists() -> None:
    table = README.split("## I want to …\n", 1)[1].split("\n## ", 1)[0]
    paths = {path for path in re.findall(r"`([\w./]+/[\w.]*)`", table) if "<" not in path}
    missing = {path for path in paths if not (ROOT / path).exists()}
    assert paths
    assert not missing


def test_every_make_target_that_the_readme_names_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z]+)\b", README)) <= targets


def test_every_command_that_the_readme_names_is_a_command() -> None:
    from typer.main import get_command

    from ci.cli import app

    known = set(get_command(app).commands)  # type: ignore[attr-defined]
    assert set(re.findall(r"\bgroundplan ([a-z]+)\b", README)) <= known
