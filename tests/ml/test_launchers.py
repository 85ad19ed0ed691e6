"""The launcher of a machine's processes: what is started again, what is not; small programs stand for the trainer.

The trainer itself, killed: tests/ci/test_launched_runs.py.
"""

import pickle
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from ml.contract import Container, Machine
from ml.errors import InputError, RequestError
from ml.launchers.processes import Launcher, worst

BEGINNING = """
import os, pathlib, signal, sys, time
rank, folder = int(os.environ["RANK"]), pathlib.Path(sys.argv[1])
file = folder / f"starts-{rank}"
starts = len(file.read_text()) if file.exists() else 0
file.write_text("x" * (starts + 1))
"""


@pytest.mark.parametrize(
    ("codes", "reason"),
    [
        ((0, 0), 0),
        ((1, 137), 137),  # The neighbour of a killed process fails too.
        ((137, 2), 2),  # What was asked for is wrong, however often it is tried.
        ((143, 1), 143),
        ((0, 139), 139),
        ((0, 7), 7),
    ],
)
def test_one_exit_code_explains_the_others(codes: tuple[int, ...], reason: int) -> None:
    assert worst(codes) == reason


def test_errors_travel_between_processes_as_they_are() -> None:
    for error in (InputError("a", 1, "is wrong", "mend it"), RequestError(404, "b", 2, "is not there", "go")):
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))


@pytest.mark.parametrize(
    ("program", "code", "restarts"),
    [
        ("if rank and not starts: os.kill(os.getpid(), signal.SIGKILL)\nif not starts: time.sleep(60)", 0, 1),
        ("if rank: os.kill(os.getpid(), signal.SIGKILL)\ntime.sleep(60)", 137, 3),
        ("if rank: raise RuntimeError\ntime.sleep(60)", 1, 0),
        ("sys.exit(2)", 2, 0),
        ("sys.exit(143)", 143, 0),
    ],
    ids=["lost once", "lost for ever", "raises", "refuses its input", "saved and stopped"],
)
def test_only_what_was_lost_is_started_again(
    program: str, code: int, restarts: int, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert _launcher(program, tmp_path).run() == code
    assert capfd.readouterr().out.count("a process was lost") == restarts


def test_a_signal_to_the_launcher_reaches_every_process_and_starts_none_again(tmp_path: Path) -> None:
    launcher = _launcher("file.with_suffix('.up').touch()\ntime.sleep(60)", tmp_path)

    def strike() -> None:
        while len(list(tmp_path.glob("*.up"))) < 2:
            time.sleep(0.01)
        signal.raise_signal(signal.SIGTERM)

    threading.Thread(target=strike).start()
    assert launcher.run() == 143
    assert (tmp_path / "starts-1").read_text() == "x"


@pytest.mark.parametrize(("copies", "code", "starts"), [("s3://bucket/run", 0, "xx"), (None, 143, "x")])
def test_machines_agree_to_start_again_where_they_find_each_other_s_checkpoints(
    copies: str | None, code: int, starts: str, tmp_path: Path
) -> None:
    """The second machine's process is lost once, and the first one's fails with it."""
    program = BEGINNING + "if not starts: sys.exit(1) if rank == 0 else os.kill(os.getpid(), signal.SIGKILL)"
    launchers = []
    for number in (0, 1):
        command = [sys.executable, "-c", program, str(tmp_path)]
        container = Container(base=tmp_path / str(number), checkpoint_copies=copies, job_name=f"agree-{copies}")
        launcher = f"Launcher({container!r}, {Machine(number=number, count=2)!r}, 1, {command!r})"
        imports = "from pathlib import *; from ml.contract import *; from ml.launchers.processes import Launcher\n"
        launchers.append(subprocess.Popen([sys.executable, "-c", f"{imports}raise SystemExit({launcher}.run())"]))
    assert [one.wait(timeout=240) for one in launchers] == [code, code]
    assert [(tmp_path / f"starts-{rank}").read_text() for rank in (0, 1)] == [starts, starts]


def _launcher(program: str, folder: Path) -> Launcher:
    code = BEGINNING + textwrap.dedent(program)
    return Launcher(Container(base=folder), Machine(), 2, [sys.executable, "-c", code, str(folder)])
