"""Nothing that the cloud starts outlives it, and what it starts keeps to its limits."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from infra.localcloud.machines.leash import Leashed, Program, container_environment

ROOT = Path(__file__).parents[3]

# How long a hang may last before its test is told.
PATIENCE_SECONDS = 120
FAMILY = """
    import os, signal, sys, time
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if os.fork() == 0:
        os.setsid()                 # a grandchild that leaves the session
        if os.fork() == 0:          # and one whose parent is gone
            open("orphan", "w").write(str(os.getpid()))
            while True: time.sleep(60)
        open("detached", "w").write(str(os.getpid()))
        os._exit(0)
    if os.fork() == 0:
        open("child", "w").write(str(os.getpid()))
        while True: time.sleep(60)
    print("up", flush=True)
    while True: time.sleep(60)
"""


def eventually(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.01)


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def python(code: str, folder: Path, **limits: int) -> Program:
    return Program(
        argv=(sys.executable, "-c", textwrap.dedent(code)),
        folder=folder,
        environment={"PATH": os.defpath},
        **limits,
    )


def test_lines_and_exit_code_arrive(tmp_path: Path) -> None:
    lines: list[str] = []
    code = "import sys; print('one'); print('two', file=sys.stderr); sys.exit(3)"
    leashed = Leashed(python(code, tmp_path), lines.append)
    ended = leashed.exit.result(timeout=PATIENCE_SECONDS)
    assert (ended.code, ended.cause) == (3, "exited")
    assert sorted(lines) == ["one", "two"]
    assert not leashed.alive


def test_a_program_that_is_not_there_says_so(tmp_path: Path) -> None:
    lines: list[str] = []
    leashed = Leashed(Program(argv=("no-such-program",), folder=tmp_path), lines.append)
    assert leashed.exit.result(timeout=PATIENCE_SECONDS).code == 127
    assert "cannot start 'no-such-program'" in lines[0]


def test_sigterm_is_forwarded_and_the_program_may_finish(tmp_path: Path) -> None:
    lines: list[str] = []
    code = """
        import signal, sys, time
        signal.signal(signal.SIGTERM, lambda *_: (print("saved"), sys.exit(0)))
        print("up", flush=True)
        while True: time.sleep(60)
    """
    leashed = Leashed(python(code, tmp_path), lines.append)
    eventually(lambda: lines == ["up"])
    leashed.stop(grace_seconds=30)
    ended = leashed.exit.result(timeout=PATIENCE_SECONDS)
    assert (ended.code, ended.cause, lines) == (0, "stopped", ["up", "saved"])


def test_after_the_grace_period_the_whole_family_is_killed(tmp_path: Path) -> None:
    lines: list[str] = []
    leashed = Leashed(python(FAMILY, tmp_path), lines.append)
    family = family_of(tmp_path, leashed.pid)
    leashed.stop(grace_seconds=0.2)
    ended = leashed.exit.result(timeout=PATIENCE_SECONDS)
    assert (ended.code, ended.cause) == (137, "stopped")
    assert all(gone(pid) for pid in family)


def family_of(folder: Path, leader: int) -> list[int]:
    files = [folder / name for name in ("orphan", "child")]
    eventually(lambda: all(file.exists() and file.read_text() for file in files))
    return [leader, *(int(file.read_text()) for file in files)]


def test_kill_dash_nine_of_the_cloud_leaves_nothing(tmp_path: Path) -> None:
    """Grandchildren that ignore SIGTERM, one of them detached into its own session, go too."""
    starter = textwrap.dedent(f"""
        import sys, time
        from pathlib import Path
        from infra.localcloud.machines.leash import Leashed, Program
        program = Program(argv=(sys.executable, "-c", {textwrap.dedent(FAMILY)!r}), folder=Path({str(tmp_path)!r}))
        print(Leashed(program, lambda line: None).pid, flush=True)
        while True: time.sleep(60)
    """)
    with subprocess.Popen([sys.executable, "-c", starter], cwd=ROOT, stdout=subprocess.PIPE, text=True) as cloud:
        assert cloud.stdout is not None
        family = family_of(tmp_path, int(cloud.stdout.readline()))
        leashes = psutil.Process(cloud.pid).children()
        assert not any(gone(pid) for pid in family)
        cloud.send_signal(signal.SIGKILL)
        cloud.wait()
        eventually(lambda: all(gone(pid) for pid in [*family, *(leash.pid for leash in leashes)]))


@pytest.mark.skipif(sys.platform != "linux", reason="macOS has no parent-death signal")
def test_kill_dash_nine_of_the_leash_ends_the_program(tmp_path: Path) -> None:
    leashed = Leashed(python("import time; time.sleep(600)", tmp_path), lambda line: None)
    parent = psutil.Process(leashed.pid).parent()
    assert parent is not None
    parent.kill()
    assert leashed.exit.result(timeout=PATIENCE_SECONDS).cause == "killed"
    eventually(lambda: gone(leashed.pid))


def test_children_that_the_program_leaves_behind_end_with_it(tmp_path: Path) -> None:
    code = FAMILY.replace('print("up", flush=True)\n    while True: time.sleep(60)', "sys.exit(0)")
    leashed = Leashed(python(code, tmp_path), lambda line: None)
    assert leashed.exit.result(timeout=PATIENCE_SECONDS).code == 0
    left = [int(file.read_text()) for file in tmp_path.iterdir() if file.read_text()]
    assert all(gone(pid) for pid in left)


def test_the_memory_limit_counts_the_whole_family(tmp_path: Path) -> None:
    code = """
        import os, time
        os.fork()
        held = b"x" * 120_000_000
        while True: time.sleep(60)
    """
    leashed = Leashed(python(code, tmp_path, memory_bytes=200_000_000), lambda line: None)
    ended = leashed.exit.result(timeout=PATIENCE_SECONDS)
    assert (ended.code, ended.cause) == (137, "out of memory")
    assert ended.peak_memory_bytes > 200_000_000


def test_pages_that_forked_workers_share_count_once(tmp_path: Path) -> None:
    code = """
        import os, time
        held = b"x" * 120_000_000
        worker = os.fork() == 0
        time.sleep(1.5)
        if not worker: os.wait()
    """
    leashed = Leashed(python(code, tmp_path, memory_bytes=200_000_000), lambda line: None)
    assert leashed.exit.result(timeout=PATIENCE_SECONDS).cause == "exited"


@pytest.mark.skipif(sys.platform != "linux", reason="macOS has no CPU affinity")
def test_a_small_instance_gets_few_cpus_and_threads(tmp_path: Path) -> None:
    lines: list[str] = []
    code = "import os; print(len(os.sched_getaffinity(0)), os.environ['OMP_NUM_THREADS'])"
    Leashed(python(code, tmp_path, vcpus=1), lines.append).exit.result(timeout=PATIENCE_SECONDS)
    assert lines == ["1 1"]


def test_a_container_sees_nothing_of_the_laptop(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a real one")
    environment = container_environment("http://127.0.0.1:1", "eu-west-1", tmp_path / "program", tmp_path)
    assert "AWS_PROFILE" not in environment
    assert environment["AWS_SECRET_ACCESS_KEY"] == "test"
    assert environment["AWS_REGION"] == "eu-west-1"
    assert environment["SAGEMAKER_BASE_DIR"] == environment["HOME"] == str(tmp_path)
