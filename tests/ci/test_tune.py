"""`groundplan tune` on the embedded cloud: real jobs, a tuner that is killed, and another that goes on."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ci.errors import BusyError, CommandError
from ci.site import Site
from ci.tuning.budget import Budget
from ci.tuning.run import tune
from ci.tuning.trials import State
from ci.workspace import Workspace
from infra.localcloud import CloudRecord
from infra.spec.contract import TrainingContract
from ml.errors import InputError
from ml.models import catalogue
from tests.ci.conftest import REPOSITORY

MODEL, BUDGET = "review_writer", Budget(trials=3, hours=1, usd=0.5)


@pytest.fixture(scope="module")
def site(cloud_home: tuple[Path, CloudRecord], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The environment `local` with just what training needs of it."""
    shared, _ = cloud_home
    home = tmp_path_factory.mktemp("tune")
    (home / "clouds").symlink_to(shared / "clouds")
    found = Site.reach("local", Workspace(root=REPOSITORY, home=home))
    for bucket in ("tune-data", "tune-artifacts"):
        found.client("s3").create_bucket(Bucket=bucket)
    contract = TrainingContract(
        role_arn="arn:aws:iam::123456789012:role/job",
        image_uri="123456789012.dkr.ecr.us-east-1.amazonaws.com/groundplan:v1",
        data_bucket="tune-data",
        artifact_bucket="tune-artifacts",
        kms_key_arn=found.client("kms").create_key()["KeyMetadata"]["Arn"],
        instance_type="ml.m5.large",
        volume_gb=10,
        max_runtime_seconds=600,
        spot=False,
        events_queue="",
        subnet_ids=(),
        security_group_ids=(),
    )
    name = TrainingContract.parameter_name("groundplan", "local")
    ssm = found.client("ssm")
    ssm.put_parameter(Name=name, Type="String", Value=contract.model_dump_json())
    yield found
    ssm.delete_parameter(Name=name)


def trials_jobs(site: Site) -> dict[str, str]:
    found = site.client("sagemaker").list_training_jobs(NameContains="-tune-")["TrainingJobSummaries"]
    return {job["TrainingJobName"]: job["TrainingJobStatus"] for job in found}


@pytest.mark.slow
def test_who_comes_after_a_killed_tuner_takes_up_its_jobs_and_ends_the_study(site: Site) -> None:
    words = ("tune", site.name, MODEL, "--recipe", "debug", "--trials", "3", "--home", str(site.workspace.home))
    killed = subprocess.Popen(
        [sys.executable, "-m", "ci.cli", *words],
        cwd=REPOSITORY,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY), "HOME": str(site.workspace.home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        while killed.poll() is None and len(trials_jobs(site)) < 2:
            time.sleep(0.1)
        with pytest.raises(BusyError, match=r"study 'review_writer-debug': .* is working on it"):
            tune(site, MODEL, recipe="debug", budget=BUDGET)
    finally:
        killed.send_signal(signal.SIGKILL)
    _, said = killed.communicate()
    begun = set(trials_jobs(site))
    assert len(begun) >= 2, said

    result = tune(site, MODEL, recipe="debug", budget=BUDGET, parallel=2)

    assert [trial.number for trial in result.trials] == [0, 1, 2]
    jobs = trials_jobs(site)
    assert begun <= set(jobs) == {trial.job for trial in result.trials}, "one job a trial, and none is left behind"
    assert set(jobs.values()) <= {"Completed", "Stopped"}
    assert {trial.state for trial in result.trials} <= {State.COMPLETE, State.PRUNED}
    assert result.trials[0].is_default
    assert result.default_accuracy == result.trials[0].accuracy
    assert result.baseline_accuracy is not None
    best = max(trial.accuracy or 0.0 for trial in result.trials)
    assert result.best is not None
    assert result.line(result.best).accuracy == best > 0
    described = [site.client("sagemaker").describe_training_job(TrainingJobName=job) for job in jobs]
    assert result.hours * 3600 == pytest.approx(sum(job["BillableTimeInSeconds"] for job in described))
    assert 0 < result.usd <= BUDGET.usd
    assert all(Path(plot).read_bytes().startswith(b"\x89PNG") for plot in result.plots)
    assert result.plots
    again = tune(site, MODEL, recipe="debug", budget=BUDGET)
    assert again == result, "a study that is done is done"
    assert set(trials_jobs(site)) == set(jobs)
    # The command of the report trains with the best values: each is a field, as a training job reads it.
    assert result.command
    changes = dict(word.split("=") for word in result.command.split() if "=" in word)
    tried = catalogue.recipe(MODEL, "debug").changed(changes)
    assert {name: getattr(tried, name) for name in changes} == result.line(result.best).values


def test_what_cannot_be_tuned_is_told_before_anything_is_started(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CommandError, match="is no name for a folder"):
        tune(site, MODEL, recipe="debug", budget=BUDGET, study="../else")
    with pytest.raises(InputError, match="use 'debug'"):
        tune(site, MODEL, recipe="debuk", budget=BUDGET)
    monkeypatch.delattr(catalogue.part(MODEL, "recipes"), "SEARCH")
    with pytest.raises(InputError, match="has no SEARCH"):
        tune(site, MODEL, recipe="debug", budget=BUDGET)
