"""What `groundplan cost` writes, and what it refuses, before anything is synthesized."""

from pathlib import Path

import pytest

from ci.cli import run
from ci.commands import cost as command
from tests.ci.test_estimate import RESOURCES, priced


def test_an_estimate_is_written_where_it_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = priced(tmp_path, RESOURCES)
    monkeypatch.setattr(command, "_ahead", lambda *_: found)
    files = {name: tmp_path / name for name in ("markdown", "summary", "html")}
    words = [word for name, file in files.items() for word in (f"--{name}", str(file))]
    assert run(["cost", "prod", *words]) == 0
    assert all("1,080" in file.read_text() for file in files.values())


def test_what_would_do_nothing_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "page"
    assert run(["cost", "local", "--html", str(file)]) == 2
    assert "'local': --html is written of an estimate, and this is a bill; add --estimate" in capsys.readouterr().err
    assert run(["cost", "prod", "--against", "HEAD", "--by", "model"]) == 2
    assert "--by model would do nothing beside --against" in capsys.readouterr().err
    assert not file.exists()
