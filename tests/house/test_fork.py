"""A fork enters what is its own in `environments/`, and no test notices."""

from pathlib import Path

import environments
from infra.spec import AwsAccount
from tests.house.test_house import relative, tracked


def own_words() -> set[str]:
    """What a fork enters for its accounts; those of an embedded cloud belong to nobody."""
    loaded = [environments.load(name) for name in environments.names()]
    real = [environment for environment in loaded if isinstance(environment.target, AwsAccount)]
    repositories = {github.repository for environment in loaded for github in environment.repositories}
    return {environment.account_id for environment in real} | {one.state.bucket for one in real} | repositories


def written(words: set[str], files: list[Path]) -> list[str]:
    texts = {relative(path): path.read_text(errors="ignore") for path in files}
    return [f"{name}: {word}" for name, text in texts.items() for word in sorted(words) if word in text]


def test_no_test_spells_out_what_a_fork_replaces() -> None:
    found = written(own_words(), tracked("tests/*"))
    assert not found, f"read these from environments.load(…): {found}"


def test_the_finder_finds_what_the_files_of_environments_say() -> None:
    found = written(own_words(), tracked("environments/*.py"))
    assert {line.rpartition(": ")[2] for line in found} == own_words()
