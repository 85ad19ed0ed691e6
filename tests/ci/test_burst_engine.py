"""Pulumi's engine as a process: it is ended and waited for whatever it does."""

import os
from pathlib import Path

import pytest
from pulumi.automation.errors import CommandError

from ci.burst import engine

HANGS = """#!/bin/sh
[ "$1" = version ] && echo v3.272.0 && exit
# Neither it nor what it starts obeys.
trap '' INT
(echo here > FIFO; sleep 600 > FIFO) > FIFO &
wait
"""


def test_an_engine_that_hangs_is_killed_with_what_it_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script, fifo = tmp_path / "pulumi", tmp_path / "fifo"
    os.mkfifo(fifo)
    script.write_text(HANGS.replace("FIFO", str(fifo)))
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(engine, "MOST_SECONDS", 1)
    monkeypatch.setattr(engine, "GRACE_SECONDS", 0.2)
    with os.fdopen(os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)) as pipe:
        os.set_blocking(pipe.fileno(), True)
        with pytest.raises(CommandError, match="it had not ended after 1 s, and was ended"):
            engine.Engine(lambda: False).run(["up"], str(tmp_path), {})
        # This reads to its end, which comes once nobody has it open any more; on a busy machine nobody did so far.
        assert pipe.read() in ("here\n", "")
