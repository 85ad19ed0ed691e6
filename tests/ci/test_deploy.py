"""Deploy, plan and destroy as a whole, on tiny stacks: order, failure, interruption, sudden death."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from ci.deploy import deploy
from ci.destroy import destroy
from ci.errors import StacksError
from ci.state import StateStore
from ci.synthesis import synthesize
from tests.ci.conftest import Tiny

pytestmark = pytest.mark.terraform
ROUNDING = 0.02


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 240
    while not condition():
        assert time.monotonic() < deadline, "the condition was not met in time"
        time.sleep(0.05)


def terraform_processes(tiny: Tiny) -> list[int]:
    """The Terraform processes that work in this checkout."""
    ours = f"-chdir={tiny.workspace.home}"
    running = psutil.process_iter(["cmdline"])
    return [process.pid for process in running if ours in " ".join(process.info["cmdline"] or ())]


def test_stacks_wait_for_those_they_read_and_for_no_others(tiny: Tiny) -> None:
    tiny.runs(first="sleep 2", aside="sleep 1")
    result = deploy(tiny.site())
    begun = {outcome.stack.rsplit("-", 1)[1]: outcome.started_seconds for outcome in result.stacks}
    ended = {outcome.stack.rsplit("-", 1)[1]: outcome.started_seconds + outcome.seconds for outcome in result.stacks}
    assert begun["second"] >= ended["first"] - ROUNDING
    assert begun["third"] >= ended["second"] - ROUNDING
    assert begun["aside"] < ended["first"]
    assert (result.resources, result.changed) == (8, 8)
    work = next(span for span in result.stacks[0].spans if span.address == "terraform_data.work")
    # Seen through Terraform's events, which are read a moment late: of the seconds that it sleeps, some.
    assert work.ended_seconds - work.started_seconds > 0.5


def test_a_second_deploy_changes_nothing_and_inits_nothing(tiny: Tiny) -> None:
    site = tiny.site()
    deploy(site)
    for events in (site.workspace.folder("local") / "events").glob("*.init.jsonl"):
        events.unlink()
    assert deploy(site).changed == 0
    assert not list((site.workspace.folder("local") / "events").glob("*.init.jsonl"))


def test_a_failure_is_explained_and_stops_only_what_depends_on_it(tiny: Tiny) -> None:
    tiny.runs(second="echo the disk is full; exit 3")
    with pytest.raises(StacksError, match="local-us-east-1-second failed") as caught:
        deploy(tiny.site())
    told = "\n".join(caught.value.details)
    assert "the disk is full" in told
    assert "local-us-east-1-third: left alone" in told
    state = StateStore(tiny.site())
    counts = {
        stack.id.rsplit("-", 1)[1]: state.resources(stack)
        for stack in synthesize(tiny.site().environment, tiny.workspace)
    }
    assert counts["aside"] == 2
    assert counts["third"] is None
    tiny.runs()
    assert deploy(tiny.site()).changed == 3, "one is made again, the two of the third are made"


def test_destroy_goes_backwards_and_leaves_nothing(tiny: Tiny) -> None:
    deploy(tiny.site())
    result = destroy(tiny.site())
    assert (result.resources, result.orphans) == (8, ())
    assert destroy(tiny.site()).resources == 0


def test_a_second_deploy_beside_the_first_is_refused(tiny: Tiny, tmp_path: Path) -> None:
    tiny.runs(first=f"until test -e {tmp_path / 'refused'}; do sleep 0.1; done")
    running = tiny.start("deploy", "local")
    lock = tiny.workspace.home / "environments" / "local" / "lock"
    until(lambda: lock.exists() and f'"pid": {running.pid}' in lock.read_text())
    refused = tiny.run("deploy", "local")
    assert refused.returncode == 2
    assert f"groundplan deploy (pid {running.pid}, since 2" in refused.stderr
    (tmp_path / "refused").touch()
    _, told = running.communicate(timeout=240)
    assert running.returncode == 0, told


def in_the_middle(tiny: Tiny, marker: Path) -> subprocess.Popen[str]:
    """Start a deploy and return once its second stack works, for which Terraform waits until the marker is gone."""
    # A child's child: Terraform, asked to stop, ends the shell, and goes on once nobody can say anything more.
    tiny.runs(second=f"touch {marker}; (while test -e {marker}; do sleep 0.1; done); true")
    running = tiny.start("deploy", "local")
    until(marker.exists)
    return running


def test_ctrl_c_lets_terraform_save_and_the_next_deploy_goes_on(tiny: Tiny, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    running = in_the_middle(tiny, marker)
    running.send_signal(signal.SIGINT)
    told_by_terraform = tiny.workspace.folder("local") / "events" / "local-us-east-1-second.apply.jsonl"
    until(lambda: "Interrupt received" in told_by_terraform.read_text())
    marker.unlink()
    _, told = running.communicate(timeout=240)
    assert running.returncode == 130, told
    assert told.endswith("Stopped. What was under way is saved; run the command again to go on.\n")
    assert "Traceback" not in told
    assert not terraform_processes(tiny)
    tiny.runs()
    result = tiny.run("deploy", "local", "--json")
    assert result.returncode == 0, result.stderr
    changed = {found["stack"].rsplit("-", 1)[1]: found["created"] for found in json.loads(result.stdout)["stacks"]}
    assert changed["first"] == 0
    assert changed["third"] == 2


def test_after_kill_9_the_next_deploy_waits_for_terraform_and_succeeds(tiny: Tiny, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    running = in_the_middle(tiny, marker)
    running.kill()
    running.communicate()
    tiny.runs()
    with tiny.start("deploy", "local") as later:
        assert later.stderr is not None
        said = []
        for line in later.stderr:
            said.append(line)
            if "An earlier run was killed" in line:
                marker.unlink()
    assert later.returncode == 0, said
    assert not marker.exists(), said


def test_after_kill_9_of_everything_the_state_lock_is_released(tiny: Tiny, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    running = in_the_middle(tiny, marker)
    # Else it would start others; and were it killed first, the kernel would ask Terraform to stop, and to unlock.
    running.send_signal(signal.SIGSTOP)
    for pid in terraform_processes(tiny):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    running.kill()
    marker.unlink()
    running.communicate()
    tiny.runs()
    result = tiny.run("deploy", "local")
    assert result.returncode == 0, result.stderr
    assert "a killed run left Terraform's lock" in result.stderr


def test_a_lock_of_somebody_else_is_respected(tiny: Tiny) -> None:
    site = tiny.site()
    deploy(site)
    first = synthesize(site.environment, tiny.workspace)[0]
    assert first.backend
    lock = {"ID": "1", "Who": "ann@elsewhere", "Created": "2026-01-01T00:00:00Z", "Operation": "OperationTypeApply"}
    key = f"{first.backend.key}.tflock"
    site.client("s3").put_object(Bucket=first.backend.bucket, Key=key, Body=json.dumps(lock).encode())
    tiny.runs(first="true # changed")
    with pytest.raises(StacksError) as caught:
        deploy(site)
    assert "ann@elsewhere" in "\n".join(caught.value.details)
