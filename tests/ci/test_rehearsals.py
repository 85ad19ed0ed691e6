"""Every workflow from its event to its end by GitHub's rules: what it calls, and what it still calls when that fails.

What is called is written down here and does nothing; that each command does its work is for its own tests.
"""

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import environments
from ci.errors import CommandError, MissingToolError, WorkError
from ci.workflow.runner import WorkflowOutcome, names, rehearse_workflow
from ci.workflow.stage import Event
from ci.workspace import ROOT, Workspace

# Writes down what it is called with, tells later steps what ours would, and fails where it is told to.
CALLED = """#!/bin/sh
echo "$*" >> calls
case "$*" in *"$(cat fails)"*) exit 1;; esac
while [ $# -gt 1 ]; do
  [ "$1" != --output ] || { mkdir -p "$(dirname "$2")"; cat tells >> "$2"; }
  shift
done
"""
NOTHING = "no such command"
TELLS = 'plan=abc\npushed=true\nname=n\ndigest=d\njob=j\nenvironments=["local"]\n'
PLANNED = ["doctor local", "policy local", "plan local", "cost local", "comment out/cost.md out/plan.md"]
DEPLOYED = ["doctor local", "plan local", "deploy local"]
TRAINED = [f"{done} local review_sentiment" for done in ("train", "optimize", "models register")]
LIVE = "review-sentiment-live"
RELEASED = ["audit verify local", "release start local review_sentiment", "audit verify local"]
IMAGES = ("train", "ray", "serve", "edge")
BUILT = ["images base", *(f"images build {image} local" for image in IMAGES)]
NAMED = [*BUILT, *(f"images tag {image} local d" for image in IMAGES)]
SCANNED = [*NAMED, *(f"images scan {image} local" for image in IMAGES)]
PREVIEWED = ["deploy localpr1", "previews local", "comment out/previews.md"]
# Those that ask first which environments are ours.
ASKING = ("bursts", "deploy", "drift", "plan", "preview", "train")


def up_to(calls: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Each of the calls as the one that fails, with all that is called up to it."""
    return ((fails, calls[: at + 1]) for at, fails in enumerate(calls))


# Workflow, event, what fails, and all that is called then.
CASES = [
    ("check", "pull_request", NOTHING, ["make check"]),
    ("check", "push", "make check", ["make check"]),
    ("plan", "pull_request", NOTHING, PLANNED),
    # Whatever fails, the rest is told all the same.
    *(("plan", "pull_request", fails, PLANNED) for fails in PLANNED),
    ("environments", "", NOTHING, []),
    # Nothing is done where nobody knows for which environments, or by which role.
    *((workflow, "", "environments", []) for workflow in ("environments", *ASKING)),
    *(
        (workflow, "", "roles", [])
        for workflow in ("bursts", "deploy-environment", "drift", "preview", "release", "train")
    ),
    ("plan", "pull_request", "roles", PLANNED[1:]),
    ("images", "workflow_dispatch", "roles", ["images base"]),
    ("deploy", "push", NOTHING, 3 * DEPLOYED),
    *(("deploy", "push", fails, called) for fails, called in up_to(DEPLOYED)),
    ("deploy", "workflow_dispatch", "deploy local", DEPLOYED),
    ("deploy-environment", "", NOTHING, DEPLOYED),
    *(("deploy-environment", "", fails, called) for fails, called in up_to(DEPLOYED)),
    ("preview", "pull_request.labeled", NOTHING, PREVIEWED),
    *(("preview", "pull_request.labeled", fails, called) for fails, called in up_to(PREVIEWED)),
    ("preview", "pull_request.closed", NOTHING, ["destroy localpr1"]),
    ("preview", "pull_request.closed", "destroy", ["destroy localpr1"]),
    *(("preview", "schedule", fails, ["previews local"]) for fails in (NOTHING, "previews")),
    *(("drift", "schedule", fails, ["drift local"]) for fails in (NOTHING, "drift")),
    ("drift", "workflow_dispatch", NOTHING, ["drift local"]),
    *(("bursts", "schedule", fails, ["burst reap local"]) for fails in (NOTHING, "burst")),
    ("bursts", "workflow_dispatch", NOTHING, ["burst reap local"]),
    ("train", "repository_dispatch.drift", NOTHING, TRAINED),
    ("train", "schedule", NOTHING, TRAINED),
    *(("train", "schedule", fails, called) for fails, called in up_to(TRAINED)),
    ("release", "workflow_dispatch", NOTHING, RELEASED),
    ("release", "workflow_dispatch", "audit", RELEASED[:1]),
    ("release", "workflow_dispatch", "release", RELEASED[:2]),
    *(("images", "schedule", fails, ["images base"]) for fails in (NOTHING, "images base")),
    ("images", "workflow_dispatch", NOTHING, SCANNED),
    # An old base holds up no image.
    ("images", "workflow_dispatch", "images base", SCANNED),
    ("images", "workflow_dispatch", "images build", BUILT),
    ("images", "workflow_dispatch", "images tag", NAMED),
    ("images", "workflow_dispatch", "images scan", SCANNED),
]


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    """A checkout with our workflows alone."""
    root = tmp_path / "root"
    root.mkdir()
    (root / ".github").symlink_to(ROOT / ".github")
    (root / "Makefile").write_text("check:\n\t@./called make check\n")
    (root / "called").write_text(CALLED)
    (root / "called").chmod(0o755)
    (root / "tells").write_text(TELLS)
    (root / "fails").write_text(NOTHING)
    return Workspace(root=root, home=tmp_path / "home")


def rehearsed(
    place: Workspace, workflow: str, event: str, labels: tuple[str, ...] = ("preview",), **more: Any
) -> WorkflowOutcome:
    local = environments.load("local")
    started = Event(base="0", name=event, labels=labels, **more)
    return rehearse_workflow(workflow, local, place, event=started, program=("./called",))


def calls(place: Workspace) -> list[str]:
    """What was called, up to its first option, but for the questions after environments and roles."""
    file = place.root / "calls"
    lines = [line.split(" --")[0] for line in file.read_text().splitlines()] if file.exists() else []
    return [line for line in lines if line not in ("roles local", "environments")]


def test_no_workflow_is_left_out() -> None:
    assert {workflow for workflow, *_ in CASES} == set(names(Workspace()))


@pytest.mark.parametrize(("workflow", "event", "fails", "called"), CASES)
def test_a_workflow_calls_what_it_should_and_stops_where_it_should(
    workflow: str, event: str, fails: str, called: list[str], place: Workspace
) -> None:
    (place.root / "fails").write_text(fails)
    done = rehearsed(place, workflow, event)
    # Images are built side by side, all else has an order.
    assert calls(place) == called if workflow != "images" else sorted(calls(place)) == sorted(called)
    assert done.failed == (fails != NOTHING)
    assert {step.state for step in done.steps if step.step == "actions/upload-artifact"} <= {"left out"}, "always kept"


PROMOTED, RESUMED = (
    ["audit verify local", f"release {act} local {LIVE}", "audit verify local"] for act in ("promote", "resume")
)
ROLLED_BACK = [f"release rollback local {LIVE}", "audit verify local"]


@pytest.mark.parametrize(
    ("workflow", "event", "inputs", "fails", "called"),
    [
        # What a training made that nobody waited for.
        ("train", "workflow_dispatch", {"job": "j-1"}, NOTHING, TRAINED[1:]),
        ("train", "repository_dispatch.drift", {"model": "other"}, NOTHING, [f"{done[:-16]}other" for done in TRAINED]),
        *(
            ("release", "workflow_dispatch", {"action": called[-2].split()[1], "endpoint": LIVE}, fails, called[:last])
            for called in (PROMOTED, RESUMED, ROLLED_BACK)
            for fails, last in ((NOTHING, None), ("release", -1))
        ),
        ("release", "workflow_dispatch", {"action": "promote", "endpoint": LIVE}, "audit", PROMOTED[:1]),
        # It is back, and red all the same for what it wrote.
        ("release", "workflow_dispatch", {"action": "rollback", "endpoint": LIVE}, "audit", ROLLED_BACK),
    ],
)
def test_what_is_asked_for_is_done(
    workflow: str, event: str, inputs: dict[str, str], fails: str, called: list[str], place: Workspace
) -> None:
    (place.root / "fails").write_text(fails)
    assert rehearsed(place, workflow, event, inputs=inputs).failed == (fails != NOTHING)
    assert calls(place) == called


def test_what_somebody_enters_is_never_read_by_a_shell(place: Workspace) -> None:
    inputs = {"action": "rollback", "endpoint": '"; touch broken; echo "$(touch broken)'}
    assert not rehearsed(place, "release", "workflow_dispatch", inputs=inputs).failed
    assert calls(place)[0] == f"release rollback local {inputs['endpoint']}"
    assert not list(place.root.rglob("broken"))


@pytest.mark.parametrize("workflow", ["plan", "preview"])
def test_a_fork_s_pull_request_gets_nothing(workflow: str, place: Workspace) -> None:
    done = rehearsed(place, workflow, "pull_request.synchronize", fork=True)
    assert {step.state for step in done.steps} == {"skipped"}
    assert not (place.root / "calls").exists(), "no role was even asked for"


@pytest.mark.parametrize(
    ("action", "labels", "closed", "called"),
    [
        ("synchronize", ("preview", "other"), False, "deploy localpr1"),
        ("reopened", ("other", "preview"), False, "deploy localpr1"),
        ("labeled", ("other", "preview"), False, None),
        ("labeled", ("preview",), True, None),
        ("unlabeled", ("preview", "other"), False, "destroy localpr1"),
        ("unlabeled", ("other", "preview"), False, None),
        ("closed", ("other",), True, None),
    ],
)
def test_a_preview_is_there_while_its_pull_request_is_open_and_has_the_label(
    action: str, labels: tuple[str, ...], closed: bool, called: str | None, place: Workspace
) -> None:
    assert not rehearsed(place, "preview", f"pull_request.{action}", labels, closed=closed).failed
    assert calls(place)[:1] == ([called] if called else [])


@pytest.mark.parametrize("workflow", ["plan", "drift", "deploy", "train"])
def test_where_no_environment_is_ours_a_workflow_is_green(workflow: str, place: Workspace) -> None:
    (place.root / "tells").write_text("environments=[]\n")
    done = rehearsed(place, workflow, "")
    assert not done.failed
    assert {step.state for step in done.steps if step.job != "list"} == {"skipped"}


def test_an_environment_that_is_not_ours_is_left_out_of_a_deploy(place: Workspace) -> None:
    shutil.copytree(place.root / ".github", place.root / "own")
    (place.root / ".github").unlink()
    (place.root / "own").rename(place.root / ".github")
    file = place.root / ".github" / "workflows" / "deploy.yml"
    file.write_text(file.read_text().replace("names), 'dev')", "names), 'not-ours')"))
    assert not rehearsed(place, "deploy", "push").failed
    assert calls(place) == 2 * DEPLOYED, "staging and prod"


def test_conditions_hold_as_on_github(place: Workspace) -> None:
    assert {step.state for step in rehearsed(place, "preview", "pull_request.labeled", labels=()).steps} == {"skipped"}
    assert calls(place) == []
    (place.root / "tells").write_text(TELLS.replace("true", "false"))
    done = rehearsed(place, "images", "workflow_dispatch")
    assert {step.state for step in done.steps if step.step.startswith("sign ")} == {"skipped"}


def test_an_image_is_signed_before_it_is_named(place: Workspace) -> None:
    """So that no tag stands for what is not signed, whenever a run stops; a builder is there before it builds."""
    steps = [one.step for one in rehearsed(place, "images", "workflow_dispatch").steps if one.job == "image (edge)"]
    order = [
        "docker/setup-qemu-action",
        "docker/setup-buildx-action",
        "build and push it",
        "sign what was built here",
        "sign what is in it",
        "name it in every region",
        "what its scan finds",
    ]
    assert [step for step in steps if step in order] == order


def test_what_cannot_be_rehearsed_is_told(place: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        CommandError, match="workflow 'drift': 'pull_request' is none of its events; it has schedule, wo"
    ):
        rehearsed(place, "drift", "pull_request")
    broken = place.root / "broken" / ".github" / "workflows"
    broken.mkdir(parents=True)
    (broken / "some.yml").write_text("on: push\njobs: {one: {runs-on: here, steps: [{neither: run}]}}\n")
    with pytest.raises(WorkError, match=r"act: some\.yml did not run it"):
        rehearsed(Workspace(root=broken.parent.parent, home=place.home), "some", "push")
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    with pytest.raises(MissingToolError, match="run `make setup`"):
        rehearsed(place, "drift", "schedule")


HANGS = """#!{python}
import signal
from pathlib import Path
try:
    Path("began").touch()
    signal.pause()
except KeyboardInterrupt:
    print("more than a terminal holds unread\\n" * 9999)
    Path("saved").touch()
"""
REHEARSES = """
import sys
import time
from pathlib import Path
from ci.workspace import Workspace
from tests.ci.test_rehearsals import rehearsed
rehearsed(Workspace(root=Path(sys.argv[1]), home=Path(sys.argv[2])), "drift", "schedule")
"""


def test_a_stopped_rehearsal_lets_its_step_save_what_is_under_way(place: Workspace) -> None:
    (place.root / "called").write_text(HANGS.format(python=sys.executable))
    command = [sys.executable, "-c", REHEARSES, str(place.root), str(place.home)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        while not (place.root / "began").exists():
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        said = process.communicate()[1]
    assert "KeyboardInterrupt" in said
    assert (place.root / "saved").exists()
