"""The head's side of jobs on a cluster: what is ordered is done once, by whichever head there is; small programs train.

Real ones, on a real Ray cluster that loses a node: tests/ci/test_launched_runs.py.
"""

import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from ml.clusters import orders
from ml.clusters.job_log import Logs
from ml.clusters.jobs import MOST_STARTS, Jobs
from ml.clusters.orders import JobState, Order, Status
from ml.launchers.assignment import Assignment
from ml.s3_folder import S3Folder

FOLDER, GROUP = "s3://artifacts/clusters/shared/", "/clusters/shared"
ADDRESS = "10.0.0.1:6379"


@pytest.fixture
def logs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        boto3.client("s3").create_bucket(Bucket="artifacts")
        client = boto3.client("logs")
        client.create_log_group(logGroupName=GROUP)
        yield client


def head(logs: Any, program: str = "") -> Jobs:
    """A head on which this program trains; its words are those of `python -m ml.clusters`."""
    return Jobs(ADDRESS, FOLDER, Logs(logs, GROUP), (sys.executable, "-c", textwrap.dedent(program)))


def order(job: str) -> None:
    assignment = Assignment(job=job, hyperparameters={}, channels={}, checkpoints="s3://a/c", output="s3://a/o")
    S3Folder(FOLDER).write(f"orders/{job}.json", Order(assignment=assignment, workers=2, cpus=4, gpus=0).written())


def state(job: str) -> JobState:
    return orders.read_state(S3Folder(FOLDER).read(f"states/{job}.json"))


def until(jobs: Jobs, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    jobs.look()
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
        jobs.look()


def lines(logs: Any, job: str) -> list[str]:
    events = logs.get_log_events(logGroupName=GROUP, logStreamName=f"jobs/{job}", startFromHead=True)["events"]
    return [event["message"] for event in events]


def test_an_order_is_done_and_every_line_of_it_is_kept(logs: Any) -> None:
    jobs = head(logs, "import sys; print(*sys.argv[1:4]); print(); print(*sys.argv[5:])")
    order("one")
    until(jobs, lambda: state("one").status is not Status.RUNNING)
    assert (state("one").status, state("one").starts, state("one").exit_code) == (Status.SUCCEEDED, 1, 0)
    assert lines(logs, "one") == [f"--address {ADDRESS} train", " ", "--workers=2 --cpus=4 --gpus=0"]
    assert time.time() - float(S3Folder(FOLDER).read(orders.ALIVE)) < 60
    head(logs, "raise SystemExit('it is begun again')").look()
    assert state("one").starts == 1, "what is over is not begun again"


def test_a_job_that_fails_keeps_its_exit_code(logs: Any) -> None:
    jobs = head(logs, "raise SystemExit(2)")
    order("one")
    until(jobs, lambda: state("one").status is not Status.RUNNING)
    assert (state("one").status, state("one").exit_code) == (Status.FAILED, 2)


def test_a_job_is_stopped_by_request(logs: Any) -> None:
    jobs = head(logs, "import time; time.sleep(60)")
    order("one")
    jobs.look()
    S3Folder(FOLDER).write("stops/one", b"")
    until(jobs, lambda: state("one").status is not Status.RUNNING)
    assert (state("one").status, state("one").exit_code) == (Status.STOPPED, -15)


def test_a_new_head_goes_on_with_what_the_one_before_had_begun(logs: Any) -> None:
    order("one")
    S3Folder(FOLDER).write(
        "states/one.json", JobState(status=Status.RUNNING, starts=1, head="before", began=7.0).written()
    )
    jobs = head(logs)
    until(jobs, lambda: state("one").status is not Status.RUNNING)
    assert (state("one").status, state("one").starts, state("one").began) == (Status.SUCCEEDED, 2, 7.0)


def test_of_two_heads_the_one_that_began_a_job_last_does_it(logs: Any) -> None:
    order("one")
    before, after = head(logs, "import time; print('before'); time.sleep(60)"), head(logs, "print('after')")
    before.look()
    after.look()
    until(before, lambda: not before.busy)
    until(after, lambda: not after.busy)
    assert (state("one").status, state("one").starts) == (Status.SUCCEEDED, 2)


def test_a_job_that_takes_down_head_after_head_is_given_up(logs: Any) -> None:
    order("one")
    S3Folder(FOLDER).write(
        "states/one.json", JobState(status=Status.RUNNING, starts=MOST_STARTS, head="before", began=7.0).written()
    )
    head(logs).look()
    assert state("one").status is Status.FAILED
    assert "the head did not outlive it" in lines(logs, "one")[0]


def test_what_is_no_order_is_told_in_its_log_and_others_are_done(logs: Any) -> None:
    S3Folder(FOLDER).write("orders/no.json", b'{"workers": 2}')
    order("one")
    jobs = head(logs)
    until(jobs, lambda: state("one").status is Status.SUCCEEDED)
    assert state("no").status is Status.FAILED
    assert "cannot be read (KeyError('assignment'))" in lines(logs, "no")[0]
