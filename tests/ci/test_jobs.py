"""What a job asks of SageMaker, with managed spot and without; and how long it is waited for."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

import environments
from ci.errors import CommandError, JobError
from ci.jobs import JobRequest, follow, training_request
from ci.optimize import optimize
from ci.progress import QUIET
from ci.site import Site
from ci.train import train
from infra.spec.contract import TrainingContract

REQUEST = JobRequest(kind="train", model="review_sentiment", channels={"training": "s3://d/x"}, hyperparameters={})


def call(*, spot: bool) -> dict[str, Any]:
    contract = TrainingContract(
        role_arn="arn:aws:iam::123456789012:role/training",
        image_uri="image",
        data_bucket="data",
        artifact_bucket="artifacts",
        kms_key_arn="arn:aws:kms:us-east-1:123456789012:key/k",
        instance_type="ml.g5.xlarge",
        volume_gb=30,
        max_runtime_seconds=3600,
        spot=spot,
        events_queue="news",
        subnet_ids=("subnet-1",),
        security_group_ids=("sg-1",),
    )
    site = SimpleNamespace(environment=environments.load("local"), name="local")
    return training_request(cast(Site, site), REQUEST, contract, "job-1")


@pytest.mark.parametrize("spot", [True, False])
def test_every_job_keeps_checkpoints_and_spot_waits_no_less_than_it_runs(spot: bool) -> None:
    asked = call(spot=spot)
    assert asked["EnableManagedSpotTraining"] is spot
    # By the job's own name: SageMaker restores it when the same job goes on after a reclaim.
    assert asked["CheckpointConfig"] == {"S3Uri": "s3://artifacts/checkpoints/job-1"}
    stopping = asked["StoppingCondition"]
    assert stopping["MaxRuntimeInSeconds"] == 3600
    assert ("MaxWaitTimeInSeconds" in stopping) is spot
    assert stopping.get("MaxWaitTimeInSeconds", 3600) >= 3600


class Endless:
    """A cloud whose one job never ends; what else is asked of it is kept."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> Any:
        self.asked.append(name)
        return lambda **_: {"TrainingJobStatus": "InProgress", "logStreams": []}


def test_a_job_that_outlives_its_wait_is_left_running_and_not_lost() -> None:
    cloud = Endless()
    site = cast(Site, SimpleNamespace(name="local", client=lambda *_: cloud))
    with pytest.raises(JobError, match=r"'job-1': InProgress is how it still is after 0\.005 min.*completed: go on$"):
        follow(site, "job-1", QUIET, then="go on", most_minutes=0.005)
    assert "stop_training_job" not in cloud.asked


def described(kind: str, status: str) -> dict[str, Any]:
    entry = {"ContainerEntrypoint": ["python", "-m", "ml", "optimize"]} if kind == "optimize" else {}
    return {
        "TrainingJobName": kind,
        "TrainingJobStatus": status,
        "AlgorithmSpecification": entry,
        "CreationTime": datetime(2026, 1, 1, tzinfo=UTC),
        "ModelArtifacts": {"S3ModelArtifacts": "s3://b/model.tar.gz"},
    }


def test_who_waited_too_long_is_told_the_whole_next_command(monkeypatch: pytest.MonkeyPatch) -> None:
    cloud = Endless()
    cloud.__dict__["describe_training_job"] = lambda **asked: described(
        "train", "Completed" if asked["TrainingJobName"] == "train" else "InProgress"
    )
    site = cast(Site, SimpleNamespace(name="local", client=lambda *_: cloud))
    monkeypatch.setattr("ci.jobs.start", lambda *_: "new")
    monkeypatch.setattr("ci.train.prepared", lambda *_, **__: (REQUEST, "d1"))
    with pytest.raises(JobError, match="completed: groundplan optimize local review_sentiment --job new$"):
        train(site, "review_sentiment", recipe="debug", most_minutes=0.001)
    with pytest.raises(JobError, match="completed: groundplan models register local review_sentiment --job new$"):
        optimize(site, "review_sentiment", job="train", most_minutes=0.001)


@pytest.mark.parametrize("status", ["InProgress", "Completed"])
def test_an_optimization_is_not_optimized_again(status: str) -> None:
    cloud = Endless()
    cloud.__dict__["describe_training_job"] = lambda **_: described("optimize", status)
    site = cast(Site, SimpleNamespace(name="local", client=lambda *_: cloud))
    told = "an optimization is optimized already.*: groundplan models register local review_sentiment --job optimize$"
    with pytest.raises(CommandError, match=told):
        optimize(site, "review_sentiment", job="optimize")
    assert cloud.asked == [], "no job was started"
