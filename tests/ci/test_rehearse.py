"""Rehearsals: any environment on a cloud of its own, which ends with them; here of tiny stacks."""

import json
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest

import environments
from ci.errors import StacksError
from ci.rehearse import CLOUD, rehearse, rehearsed
from infra import localcloud
from infra.spec import EmbeddedCloud
from tests.ci.conftest import Tiny

pytestmark = pytest.mark.terraform

LEAVE_A_BUCKET = f"{sys.executable} -c \"import boto3; boto3.client('s3').create_bucket(Bucket='forgotten')\""


def cloud_runs(tiny: Tiny) -> bool:
    return localcloud.find(CLOUD, tiny.workspace.home / "rehearsals" / "local") is not None


def test_a_rehearsal_goes_from_nothing_to_nothing_and_touches_no_other_cloud(tiny: Tiny) -> None:
    elsewhere = tiny.site().client("s3").list_buckets()["Buckets"]
    answer = tiny.run("rehearse", "local", "--json")
    assert answer.returncode == 0, answer.stderr
    told = json.loads(answer.stdout)
    assert (told["resources"], told["orphans"]) == (8, [])
    assert [stack["planned_again"] for stack in told["stacks"]] == [[], [], [], []]
    assert all(stack["apply_seconds"] > 0 and stack["destroy_seconds"] > 0 for stack in told["stacks"])
    assert tiny.site().client("s3").list_buckets()["Buckets"] == elsewhere
    assert not cloud_runs(tiny)


def test_what_is_planned_again_and_what_is_left_are_faults(tiny: Tiny) -> None:
    tiny.runs(aside=LEAVE_A_BUCKET, drifts="second")
    answer = tiny.run("rehearse", "local")
    assert answer.returncode == 1
    assert "local-us-east-1-second: planned again: update terraform_data.before" in answer.stderr
    assert "left: s3 aws Bucket arn:aws:s3:::forgotten" in answer.stderr
    assert "1 changes" in answer.stdout


def test_a_stack_that_fails_is_told_of_and_the_cloud_is_gone(tiny: Tiny) -> None:
    tiny.runs(second="echo no such luck; exit 3")
    with pytest.raises(StacksError) as caught:
        rehearse(environments.load("local"), tiny.workspace)
    assert "no such luck" in "\n".join(caught.value.details)
    assert not cloud_runs(tiny)


@pytest.mark.parametrize("asked", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_rehearsal_leaves_no_cloud_and_no_terraform(
    tiny: Tiny, tmp_path: Path, asked: signal.Signals
) -> None:
    marker = tmp_path / "marker"
    tiny.runs(second=f"touch {marker}; sleep 3")
    running = tiny.start("rehearse", "local")
    deadline = time.monotonic() + 240
    while not marker.exists():
        assert running.poll() is None, running.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    running.send_signal(asked)
    _, told = running.communicate(timeout=240)
    assert running.returncode == 130, told
    assert "Traceback" not in told
    assert not cloud_runs(tiny)
    ours = str(tiny.workspace.home)
    assert not [
        found.pid for found in psutil.process_iter(["cmdline"]) if ours in " ".join(found.info["cmdline"] or ())
    ]


def test_only_the_place_and_the_guard_change() -> None:
    for name in environments.names():
        before, after = environments.load(name), rehearsed(environments.load(name))
        changed = {field for field in type(before).model_fields if getattr(before, field) != getattr(after, field)}
        assert changed <= {"target", "guarded"}
        assert (after.target, after.guarded) == (EmbeddedCloud(name=CLOUD), False)
