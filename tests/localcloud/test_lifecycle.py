"""Clouds start, are found, stand side by side, and leave nothing behind."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from infra.localcloud import CloudError, CloudRecord, find, running, start, stop
from infra.localcloud import record as records
from infra.localcloud.record import record_path
from tests.localcloud.conftest import make_client

ROOT = Path(__file__).parents[2]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home whose clouds are stopped after the test, however it ends."""
    yield tmp_path
    for folder in tmp_path.glob("clouds/*"):
        stop(folder.name, tmp_path)


def wait_until(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 120
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def health(record: CloudRecord) -> dict[str, object]:
    with urllib.request.urlopen(f"{record.url}/_groundplan/health", timeout=60) as answer:
        found: dict[str, object] = json.load(answer)
        return found


def test_a_cloud_is_found_while_it_runs_and_gone_when_stopped(home: Path) -> None:
    assert find("one", home) is None
    assert not stop("one", home)
    record = start("one", home, program=ROOT)
    assert find("one", home) == record
    assert running(home) == (record,)
    said = health(record)
    assert (said["status"], said["pid"], said["name"]) == ("ok", record.pid, "one")
    assert said["jobs_running"] == said["endpoints_warm"] == 0
    assert stop("one", home)
    assert find("one", home) is None
    assert running(home) == ()
    assert wait_until(lambda: not psutil.pid_exists(record.pid))
    assert not record_path(record.folder).exists()


def test_the_log_says_that_a_cloud_begins_empty(home: Path) -> None:
    record = start("one", home, program=ROOT)
    stop("one", home)
    events = [json.loads(line) for line in (record.folder / "cloud.log").read_text().splitlines()]
    assert "begins empty" in events[0]["event"]
    assert events[-1]["event"] == "cloud stopped"


def test_starting_twice_gives_the_same_cloud_also_at_the_same_time(home: Path) -> None:
    with ThreadPoolExecutor(3) as pool:
        records = list(pool.map(lambda _: start("one", home, program=ROOT), range(3)))
    assert len({record.pid for record in records}) == 1


def test_two_clouds_side_by_side_share_nothing(home: Path) -> None:
    one, two = start("one", home, program=ROOT), start("two", home, program=ROOT)
    assert one.port != two.port
    make_client(one, "s3").create_bucket(Bucket="only-in-one")
    assert make_client(two, "s3").list_buckets()["Buckets"] == []
    assert stop("one", home)
    assert running(home) == (two,)


def test_a_taken_port_is_said_clearly(home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(
            CloudError, match=rf"port: {port} cannot be taken on 127.0.0.1 .*in use.*; leave the option out"
        ):
            start("one", home, program=ROOT, port=port)
    assert find("one", home) is None
    assert start("one", home, program=ROOT, port=port).port == port
    with pytest.raises(CloudError, match=f"port {port + 1} is not where it runs already, which is port {port}"):
        start("one", home, program=ROOT, port=port + 1)


@pytest.mark.parametrize("name", ["", "../escape", "Upper", "x" * 41])
def test_a_name_that_is_no_folder_name_is_refused(name: str, home: Path) -> None:
    with pytest.raises(CloudError, match="lower-case letters"):
        start(name, home, program=ROOT)


def test_after_kill_9_the_record_is_cleaned_and_the_next_start_works(home: Path) -> None:
    first = start("one", home, program=ROOT)
    os.kill(first.pid, signal.SIGKILL)
    assert wait_until(lambda: find("one", home) is None and not record_path(first.folder).exists())
    second = start("one", home, program=ROOT)
    assert health(second)["pid"] == second.pid != first.pid


def test_a_record_whose_process_id_went_to_another_program_is_stale(home: Path) -> None:
    record = start("one", home, program=ROOT)
    stop("one", home)
    impostor = record.model_copy(update={"pid": os.getpid()})
    impostor.write()
    assert find("one", home) is None
    impostor.write()
    assert not stop("one", home)  # And this process still lives to tell.
    assert start("one", home, program=ROOT).pid != os.getpid()


@pytest.mark.parametrize("text", ["", "{", '{"name": "one"}'])
def test_a_record_that_cannot_be_read_is_no_record(text: str, home: Path) -> None:
    folder = home / "clouds" / "one"
    folder.mkdir(parents=True)
    record_path(folder).write_text(text)
    assert find("one", home) is None
    assert start("one", home, program=ROOT)


def test_the_cloud_outlives_the_process_that_started_it(home: Path) -> None:
    imports = "from pathlib import Path; from infra.localcloud import start"
    script = f"{imports}; start('one', Path({str(home)!r}), program=Path('.'))"
    subprocess.run([sys.executable, "-W", "error", "-c", script], cwd=ROOT, check=True, timeout=240)
    assert find("one", home)


def test_a_foreign_aws_profile_does_not_reach_the_cloud(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "of-another-project")
    record = start("one", home, program=ROOT)
    monkeypatch.delenv("AWS_PROFILE")
    assert make_client(record, "ec2").describe_vpcs()["Vpcs"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_in_the_foreground_a_signal_ends_it_cleanly(number: signal.Signals, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "infra.localcloud", "--name", "here", "--folder", str(tmp_path)], cwd=ROOT
    )

    def answers() -> bool:
        record = records.read_record(tmp_path)
        return record is not None and records.health(record.url, 60) is not None

    assert wait_until(answers)
    process.send_signal(number)
    assert process.wait(timeout=120) == 0
    assert not record_path(tmp_path).exists()


def test_importing_the_package_loads_neither_moto_nor_boto3() -> None:
    script = "import sys, infra.localcloud; print([name for name in ('moto', 'boto3', 'cdktf') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
