"""A deploy that is killed at any moment is finished by the next one: nothing doubled, nothing lost, no lock left."""

import json
import random
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from ci import embedded_cloud
from ci.inventory import inventory
from ci.workspace import Workspace
from tests.ci.conftest import HERE, REPOSITORY, Tiny

pytestmark = [pytest.mark.terraform, pytest.mark.slow, pytest.mark.timeout(600)]

SEED = 20261122
# Everything at once, as a machine that loses its power does; the command alone; and Ctrl-C. Ten in all.
DEATHS = ("everything",) * 6 + ("command",) * 2 + ("interrupt",) * 2
BUCKET = "groundplan-local-state"


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Tiny]:
    """A checkout of one small stack on a cloud of its own."""
    root, home = tmp_path / "root", tmp_path / "home"
    home.mkdir()
    shutil.copytree(HERE / "killed", root)
    embedded_cloud.start("default", Workspace(root=REPOSITORY, home=home))
    yield Tiny(Workspace(root=root, home=home))
    embedded_cloud.stop("default", Workspace(root=REPOSITORY, home=home))


def rename(checkout: Tiny, name: str) -> None:
    """Call everything by another name and forget the states: the next deploy begins from nothing."""
    (checkout.workspace.root / "plan.json").write_text(json.dumps({"name": name}))
    s3 = checkout.site().client("s3")
    for entry in s3.list_objects_v2(Bucket=BUCKET).get("Contents", ()):
        s3.delete_object(Bucket=BUCKET, Key=entry["Key"])


def existing(checkout: Tiny) -> Counter[str]:
    return Counter(f"{one.service} {one.type}" for one in inventory(checkout.site()).resources)


def die(running: subprocess.Popen[str], death: str) -> None:
    """End the command, and with it what it started, in one of three ways."""
    command = psutil.Process(running.pid)
    if death == "interrupt":
        running.send_signal(signal.SIGINT)
    elif death == "command":
        running.kill()
    else:
        doomed = [command, *command.children(recursive=True)]
        for process in doomed:
            with suppress(psutil.NoSuchProcess):  # It ended by itself meanwhile.
                process.suspend()
        for process in {*doomed, *command.children(recursive=True)}:
            with suppress(psutil.NoSuchProcess):
                process.kill()


def left_by(checkout: Tiny) -> list[str]:
    """Locks, marks and import blocks that a finished deploy must not leave."""
    keys = checkout.site().client("s3").list_objects_v2(Bucket=BUCKET).get("Contents", ())
    folder = checkout.workspace.folder("local")
    papers = [file.name for file in (*folder.glob("*.changing"), *folder.rglob("adopt.tf.json"))]
    return (
        [entry["Key"] for entry in keys if entry["Key"].endswith(".tflock")]
        + papers
        + (folder / "lock").read_text().split()
    )


def told(checkout: Tiny) -> int:
    """How many events Terraform has told of in this deploy: a clock that runs alike on a quiet and a busy machine."""
    events = (checkout.workspace.folder("local") / "events").glob("*.apply.jsonl")
    return sum(file.read_bytes().count(b"\n") for file in events)


def deploy_until(checkout: Tiny, moment: int, death: str) -> None:
    """Start a deploy and end it once it has told of `moment` events."""
    for file in (checkout.workspace.folder("local") / "events").glob("*.apply.jsonl"):
        file.unlink()
    running = checkout.start("deploy", "local")
    while told(checkout) < moment and running.poll() is None:
        time.sleep(0.005)
    if running.poll() is None:
        die(running, death)
    running.communicate(timeout=240)


def test_ten_deaths_at_random_moments(checkout: Tiny) -> None:
    chance = random.Random(SEED)
    rename(checkout, "killed-never")
    before = existing(checkout)
    assert checkout.run("deploy", "local").returncode == 0
    clean, moments = existing(checkout) - before, told(checkout)
    taken_over = 0
    for number, death in enumerate(chance.sample(DEATHS, len(DEATHS))):
        rename(checkout, f"killed-{number}")
        before = existing(checkout)
        moment = chance.randrange(moments)
        deploy_until(checkout, moment, death)
        next_one = checkout.run("deploy", "local", seconds=240)
        where = f"death {number}, {death} after {moment} of {moments} events:\n{next_one.stderr}"
        assert next_one.returncode == 0, where
        assert existing(checkout) - before == clean, where
        assert not left_by(checkout), where
        taken_over += "taking it over" in next_one.stderr
    assert taken_over, "no death fell into the moments that this is about"
    again = checkout.run("plan", "local", "--json")
    assert set(json.loads(again.stdout)["summary"].values()) == {0}, again.stdout
