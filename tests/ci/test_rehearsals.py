"""Every workflow from its event to its end by GitHub's rules: what it calls, and what it still calls when that fails.

What is called is written down here and does nothing; that each command does its work is for its own tests.
"""

import signal
import subprocess
import sys
import time
from pathlib import Path

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
TELLS = "plan=abc\npushed=true\nname=n\ndigest=d\n"
PLANNED = ["doctor local", "plan local", "cost local", "comment out/cost.md out/plan.md"]
DEPLOYED = ["doctor local", "plan local", "deploy local"]
TRAINED = ["train local review_sentiment", "optimize local review_sentiment", "pipeline local review_sentiment"]
RELEASED = ["audit verify local", "release start local review_sentiment", "audit verify local"]
IMAGES = ("train", "ray", "serve", "edge")
BUILT = ["images base", *(f"images build {image} local" for image in IMAGES)]
NAMED = [*BUILT, *(f"images tag {image} local d" for image in IMAGES)]
SCANNED = [*NAMED, *(f"images scan {image} local" for image in IMAGES)]
# Workflow, event, what fails, and all that is called then.
CASES = [
    ("check", "pull_request", NOTHING, ["make check"]),
    ("check", "push", "make check", ["make check"]),
    ("plan", "pull_request", NOTHING, PLANNED),
    ("plan", "pull_request", "doctor", ["doctor local", *PLANNED[2:]]),
    ("plan", "pull_request", "plan local", PLANNED),
    ("plan", "pull_request", "cost local", PLANNED),
    ("deploy", "push", NOTHING, 3 * DEPLOYED),
    ("deploy", "push", "plan local", DEPLOYED[:2]),
    ("deploy", "workflow_dispatch", "deploy local", DEPLOYED),
    ("deploy-environment", "", NOTHING, DEPLOYED),
    ("preview", "pull_request.labeled", NOTHING, ["deploy localpr1", "previews local", "comment out/previews.md"]),
    ("preview", "pull_request.labeled", "deploy", ["deploy localpr1"]),
    ("preview", "pull_request.closed", NOTHING, ["destroy localpr1"]),
    ("preview", "schedule", "previews", ["previews local"]),
    ("drift", "schedule", "drift", ["drift local"]),
    ("bursts", "schedule", "burst", ["burst reap local"]),
    ("train", "repository_dispatch.drift", NOTHING, TRAINED),
    ("train", "schedule", "optimize", TRAINED[:2]),
    ("release", "workflow_dispatch", NOTHING, RELEASED),
    ("release", "workflow_dispatch", "audit", RELEASED[:1]),
    ("release", "workflow_dispatch", "release", RELEASED[:2]),
    ("images", "schedule", "images base", ["images base"]),
    ("images", "workflow_dispatch", NOTHING, SCANNED),
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


def rehearsed(place: Workspace, workflow: str, event: str, labels: tuple[str, ...] = ("preview",)) -> WorkflowOutcome:
    local = environments.load("local")
    started = Event(base="0", name=event, labels=labels)
    return rehearse_workflow(workflow, local, place, event=started, program=("./called",))


def calls(place: Workspace) -> list[str]:
    """What was called, up to its first option, but for the question after roles."""
    file = place.root / "calls"
    lines = [line.split(" --")[0] for line in file.read_text().splitlines()] if file.exists() else []
    return [line for line in lines if line != "roles local"]


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
