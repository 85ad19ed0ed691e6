"""A spot machine's notices: seen over real HTTP, and obeyed wherever the job is."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from infra.job_events import SPOT_NEWS
from infra.localcloud.instance_metadata import INSTANCE, serving
from infra.localcloud.instance_metadata import Metadata as Service
from ml.contract import Container
from ml.errors import InputError, StoppedError
from ml.training.notices import EVENTS, Metadata, NoticeQueue, sources, watched
from ml.training.stop import StopRequest, listening
from tests.ml.jobs import UNTRACKED, Job

SOON = 0.02


def wait(stop: StopRequest) -> None:
    deadline = time.monotonic() + 60
    while not stop.requested and time.monotonic() < deadline:
        time.sleep(SOON)


@pytest.mark.parametrize(
    ("announce", "says"),
    [
        (Service.announce_interruption, "spot interruption notice (action terminate, time 2"),
        (Service.recommend_rebalance, "rebalance recommendation (noticeTime 2"),
    ],
)
def test_a_notice_asks_for_a_stop_and_says_which_phase_it_met(announce: object, says: str) -> None:
    with serving() as service, listening() as stop, watched([Metadata(service.url)], stop, SOON), stop.deferred():
        time.sleep(SOON * 5)
        assert not stop.requested
        stop.phase = "evaluation"
        announce(service)  # type: ignore[operator]
        wait(stop)
        stop.phase = "step"
    assert says in str(stop.stopped("saved"))
    assert "came in phase evaluation" in str(stop.stopped("saved"))


def test_a_notice_before_there_is_anything_to_save_ends_the_job_at_once() -> None:
    with serving() as service, listening() as stop, watched([Metadata(service.url)], stop, SOON):
        service.announce_interruption()
        with pytest.raises(StoppedError, match="came in phase start-up; there was nothing to save yet"):
            wait(stop)


def test_a_service_that_is_away_is_asked_again() -> None:
    with serving() as service:
        url = service.url
    with listening() as stop, watched([Metadata(url)], stop, SOON), stop.deferred():
        time.sleep(SOON * 5)
    assert not stop.requested


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A queue that EventBridge puts its news of spot machines into, as the events stack joins them."""
    for name, value in {"DEFAULT_REGION": "us-east-1", "ACCESS_KEY_ID": "test", "SECRET_ACCESS_KEY": "test"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    with mock_aws():
        sqs, events = boto3.client("sqs"), boto3.client("events")
        url = sqs.create_queue(QueueName="notices")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        events.put_rule(Name="spot", EventPattern=json.dumps({"source": ["aws.ec2"], "detail-type": list(SPOT_NEWS)}))
        events.put_targets(Rule="spot", Targets=[{"Id": "queue", "Arn": arn}])
        yield url


def tell(news: str, instance: str) -> None:
    detail = json.dumps({"instance-id": instance, "instance-action": "terminate"})
    boto3.client("events").put_events(Entries=[{"Source": "aws.ec2", "DetailType": news, "Detail": detail}])


@pytest.mark.parametrize(("news", "says"), EVENTS.items())
def test_eventbridge_tells_the_machine_that_is_meant_and_no_other(news: str, says: str, queue: str) -> None:
    tell(news, "i-another")
    mine, other = NoticeQueue(queue, INSTANCE), NoticeQueue(queue, "i-another")
    assert mine.notice() == ""
    tell(news, INSTANCE)
    assert mine.notice().startswith(f"{says} (instance-id {INSTANCE}, instance-action terminate, time 2")
    assert mine.notice() == ""
    assert "i-another" in other.notice(), "handed back, not lost"


def test_a_stop_by_the_queue_names_it(queue: str) -> None:
    tell(SPOT_NEWS[0], INSTANCE)
    with listening() as stop, watched([NoticeQueue(queue, INSTANCE)], stop, SOON), stop.deferred():
        wait(stop)
    assert "spot interruption notice (instance-id i-0" in str(stop.stopped("saved"))


class Away:
    """Does not answer at first."""

    name, asked = "the queue", 0

    def notice(self) -> str:
        self.asked += 1
        if self.asked < 5:
            raise ConnectionError("refused")
        return "spot interruption notice"


def test_a_source_that_does_not_answer_is_said_once_and_asked_again(capsys: pytest.CaptureFixture[str]) -> None:
    with listening() as stop, watched([Away()], stop, SOON), stop.deferred():
        wait(stop)
    assert stop.requested
    assert capsys.readouterr().out.count("warning notices=the queue no answer (ConnectionError('refused'))") == 1


def test_both_are_asked_and_the_machine_s_id_comes_from_its_metadata(tmp_path: Path) -> None:
    with serving() as service:
        found = sources(Container(base=tmp_path, metadata_endpoint=service.url, notice_queue="http://queue"))
    assert [source.name for source in found] == [service.url, "http://queue"]
    assert isinstance(found[1], NoticeQueue)
    assert found[1]._instance == INSTANCE
    with pytest.raises(InputError, match="'http://queue' without GROUNDPLAN_INSTANCE_ID or AWS_EC2_METADATA"):
        sources(Container(base=tmp_path, notice_queue="http://queue"))


def test_a_job_under_notice_leaves_a_checkpoint_and_goes_on_from_it(fork: Path, toy_data: Path, tmp_path: Path) -> None:
    with serving() as service:
        told = {**UNTRACKED, "AWS_EC2_METADATA_SERVICE_ENDPOINT": service.url, "GROUNDPLAN_NOTICE_SECONDS": str(SOON)}
        long = {"model": "toy_model", "recipe": "only", "epochs": 300, "checkpoint_every": 100000}
        job = Job(base=tmp_path, program=fork, environment=told).configure(long, toy_data)
        with job.start("train") as process:
            assert process.stdout is not None
            said = []
            for line in process.stdout:
                said.append(line)
                if line.startswith("step=100 "):
                    service.announce_interruption()
            assert process.wait(timeout=240) == 143, said[-5:]
    assert "spot interruption notice" in said[-1]
    assert "resuming at step=" in Job(base=tmp_path, program=fork, environment=UNTRACKED).run("train").well().said


def test_a_period_that_is_no_number_is_named(fork: Path, toy_data: Path, tmp_path: Path) -> None:
    job = Job(base=tmp_path, program=fork, environment={"GROUNDPLAN_NOTICE_SECONDS": "soon"})
    finished = job.configure({"model": "toy_model", "recipe": "only"}, toy_data).run("train")
    assert finished.code == 2
    assert "variable GROUNDPLAN_NOTICE_SECONDS: 'soon' is no number of seconds above 0" in finished.said
