"""A spot machine's notices: seen over real HTTP, and obeyed wherever the job is."""

import time
from pathlib import Path

import pytest

from ci.drill.metadata import Metadata, serving
from ml.errors import StoppedError
from ml.training.notices import watched
from ml.training.stop import StopRequest, listening
from tests.ml.jobs import Job

SOON = 0.02


def wait(stop: StopRequest, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not stop.requested and time.monotonic() < deadline:
        time.sleep(SOON)


@pytest.mark.parametrize(
    ("announce", "says"),
    [
        (Metadata.announce_interruption, "spot interruption notice (action terminate, time 2"),
        (Metadata.recommend_rebalance, "rebalance recommendation (noticeTime 2"),
    ],
)
def test_a_notice_asks_for_a_stop_and_says_which_phase_it_met(announce: object, says: str) -> None:
    with serving() as service, listening() as stop, watched(service.url, stop, SOON), stop.deferred():
        time.sleep(SOON * 5)
        assert not stop.requested
        stop.phase = "evaluation"
        announce(service)  # type: ignore[operator]
        wait(stop)
        stop.phase = "step"
    assert says in str(stop.stopped("saved"))
    assert "came in phase evaluation" in str(stop.stopped("saved"))


def test_a_notice_before_there_is_anything_to_save_ends_the_job_at_once() -> None:
    with serving() as service, listening() as stop, watched(service.url, stop, SOON):
        service.announce_interruption()
        with pytest.raises(StoppedError, match="came in phase start-up; there was nothing to save yet"):
            wait(stop)


def test_a_service_that_is_away_is_asked_again() -> None:
    with serving() as service:
        url = service.url
    with listening() as stop, watched(url, stop, SOON), stop.deferred():
        time.sleep(SOON * 5)
    assert not stop.requested


def test_a_job_under_notice_leaves_a_checkpoint_and_goes_on_from_it(fork: Path, toy_data: Path, tmp_path: Path) -> None:
    with serving() as service:
        told = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": service.url, "GROUNDPLAN_NOTICE_SECONDS": str(SOON)}
        long = {"model": "toy_model", "recipe": "only", "epochs": 300, "checkpoint_every": 100000}
        job = Job(base=tmp_path, program=fork, environment=told).configure(long, toy_data)
        with job.start("train") as process:
            assert process.stdout is not None
            said = []
            for line in process.stdout:
                said.append(line)
                if line.startswith("step=100 "):
                    service.announce_interruption()
            assert process.wait(timeout=60) == 143, said[-5:]
    assert "spot interruption notice" in said[-1]
    assert "resuming at step=" in Job(base=tmp_path, program=fork).run("train").well().said


def test_a_period_that_is_no_number_is_named(fork: Path, toy_data: Path, tmp_path: Path) -> None:
    job = Job(base=tmp_path, program=fork, environment={"GROUNDPLAN_NOTICE_SECONDS": "soon"})
    finished = job.configure({"model": "toy_model", "recipe": "only"}, toy_data).run("train")
    assert finished.code == 2
    assert "variable GROUNDPLAN_NOTICE_SECONDS: 'soon' is no number of seconds above 0" in finished.said
