"""A model's whole way on the embedded cloud: train, optimize, release, predict, cost; and what is told when it fails.

What the stacks would make is made here with boto3, so that a fault is this room's own.
"""

import json
import re
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from ci import evaluation, gate, known_jobs, runs, versions
from ci.audit import record
from ci.cost import cost
from ci.drill.platform import prepare_pool
from ci.errors import CommandError, GateError, JobError, NotDeployedError, WorkError
from ci.leftovers import remove_what_releases_made
from ci.logs import logs
from ci.optimize import optimize
from ci.predict import predict
from ci.progress import QUIET
from ci.recovery.state import Outcome
from ci.release import release
from ci.report.curves import draw
from ci.site import Site
from ci.status import status
from ci.train import TrainResult, train
from ci.workspace import Workspace
from infra.localcloud import CloudRecord
from infra.spec.contract import ServerlessCapacity, ServingContract, TrainingContract
from ml.contract import ASSIGNMENT_VARIABLE
from tests.ci.conftest import REPOSITORY

MODEL, ENDPOINT, NAME = "review_sentiment", "review-sentiment", "groundplan-local-review-sentiment"
ROLE, IMAGE = "arn:aws:iam::123456789012:role/job", "123456789012.dkr.ecr.us-east-1.amazonaws.com/groundplan:v1"
# At the end of a job's name, wherever that stands in its assignment.
FIRST_OF_A_RUN = re.compile(r"-[0-9a-f]{4}-1(\"|$)")


@pytest.fixture(scope="module")
def site(cloud_home: tuple[Path, CloudRecord], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The environment `local` with just what a model needs of it."""
    shared, _ = cloud_home
    home = tmp_path_factory.mktemp("models")
    (home / "clouds").symlink_to(shared / "clouds")
    found = Site.reach("local", Workspace(root=REPOSITORY, home=home))
    s3, ssm, sagemaker = found.client("s3"), found.client("ssm"), found.client("sagemaker")
    for bucket in ("models-data", "models-artifacts"):
        s3.create_bucket(Bucket=bucket)
    key = found.client("kms").create_key(KeyUsage="SIGN_VERIFY", KeySpec="ECC_NIST_P256")["KeyMetadata"]["Arn"]
    sagemaker.create_model_package_group(ModelPackageGroupName=NAME)
    sagemaker.create_model(ModelName=f"{NAME}-bootstrap", ExecutionRoleArn=ROLE, PrimaryContainer={"Image": IMAGE})
    capacity = {"MemorySizeInMB": 2048, "MaxConcurrency": 2}
    variant = {"VariantName": "live", "ModelName": f"{NAME}-bootstrap", "ServerlessConfig": capacity}
    sagemaker.create_endpoint_config(EndpointConfigName=f"{NAME}-bootstrap", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=NAME, EndpointConfigName=f"{NAME}-bootstrap")
    shared_facts: dict[str, Any] = {"role_arn": ROLE, "image_uri": IMAGE, "artifact_bucket": "models-artifacts"}
    training = TrainingContract(
        **{**shared_facts, "data_bucket": "models-data", "kms_key_arn": key, "instance_type": "ml.m5.large"},
        volume_gb=10,
        max_runtime_seconds=600,
        spot=False,
        events_queue="",
        subnet_ids=(),
        security_group_ids=(),
    )
    serving = ServingContract(
        **{**shared_facts, "endpoint_name": NAME, "model": MODEL},
        kind="serverless",
        capacity=ServerlessCapacity(memory_mb=2048, max_concurrency=2, provisioned_concurrency=0),
        model_package_group=NAME,
        signing_key_arn=key,
        kms_key_arn=key,
    )
    names = {
        TrainingContract.parameter_name("groundplan", "local"): training,
        ServingContract.parameter_name("groundplan", "local", ENDPOINT): serving,
    }
    for name, contract in names.items():
        ssm.put_parameter(Name=name, Type="String", Value=contract.model_dump_json())
    (pool,) = found.home_region.gpu_pools
    prepare_pool(found, pool, {"data": "models-data", "artifacts": "models-artifacts"})
    yield found
    for name in names:
        ssm.delete_parameter(Name=name)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_from_data_to_an_answer(site: Site) -> None:
    with pytest.raises(NotDeployedError, match="release one: groundplan release start local review_sentiment"):
        predict(site, ENDPOINT, ["Nothing is released yet."])
    trained = train(site, MODEL, recipe="debug", stream=True, on="batch:small")
    assert trained.report
    assert trained.accuracy == trained.report["accuracy"]
    (line,) = (line for line in runs.listed(site).runs if line.job == trained.job)
    assert (line.place, line.state, line.seconds) == ("batch:small", "Completed", trained.seconds)
    assert runs.show(site, trained.job).report == trained.report
    optimized = optimize(site, MODEL)
    assert optimized.trained_by == trained.job
    with pytest.raises(CommandError, match=f"an optimization is .*register local {MODEL} --job {optimized.job}"):
        optimize(site, MODEL, job=optimized.job)
    waiting = release(site, MODEL, approve=False, serve=False)
    assert (waiting.approved, waiting.endpoints) == (False, ())
    with pytest.raises(GateError, match=f"1.0.0: pending is .*models approve local {MODEL} 1.0.0;") as why:
        release(site, MODEL, approve=False)
    assert why.value.exit_code == 1
    with pytest.raises(NotDeployedError, match="release one"):
        predict(site, ENDPOINT, ["Still nothing is."])
    versions.decide(site, MODEL, "1.0.0", "Approved")
    released = release(site, MODEL, approve=False)
    assert released.packages == waiting.packages, "equal content is one version, registered once"
    assert released.semantic_version == waiting.semantic_version == "1.0.0"
    (line,) = versions.listed(site, model=MODEL).versions
    assert (line.version.version, line.version.status, line.endpoints) == (released.version, "Approved", (NAME,))
    steps = ["trained", "optimized", "registered", "refused", "approved", "released"]
    assert [entry.event for entry in record.listed(site, model=MODEL).entries] == steps
    assert record.verify(site).flaws == ()
    assert evaluation.of(site, MODEL, "1.0.0").evaluation.right.rows == 320, "as many as the recipe takes"
    kept = release(site, MODEL, approve=False, serve=False)
    assert (kept.version, kept.approved, kept.endpoints) == (released.version, True, ()), "registered, and no more"
    answer = predict(site, ENDPOINT, ["A quiet, moving film.", "Dull from start to end."])
    assert answer.model_version == released.version == waiting.version
    assert [found.text for found in answer.predictions] == ["A quiet, moving film.", "Dull from start to end."]
    assert all(0.5 <= found.answer["score"] <= 1 for found in answer.predictions)
    again = release(site, MODEL)
    assert [found.configuration for found in again.endpoints] == [found.configuration for found in released.endpoints]
    assert any(line.startswith("final accuracy=") for line in logs(site, trained.job))
    by_model = cost(site, by="model")
    assert by_model.usd[MODEL] > 0
    assert "2026" in by_model.prices
    assert status(site).endpoints[0].configuration == released.endpoints[0].configuration
    assert remove_what_releases_made(site, QUIET) == 3


def reclaimed(site: Site, cloud: CloudRecord, on: str, variable: str) -> TrainResult:
    """A run whose first attempt's process gets SIGTERM, as on a machine that is taken away."""
    struck: list[int] = []

    def strike() -> None:
        while not struck:
            time.sleep(0.01)
            for process in psutil.Process(cloud.pid).children(recursive=True):
                with suppress(psutil.Error):
                    if FIRST_OF_A_RUN.search(process.environ().get(variable, "")) and "ml" in process.cmdline():
                        process.send_signal(signal.SIGTERM)
                        struck.append(process.pid)

    thread = threading.Thread(target=strike, daemon=True)
    thread.start()
    result = train(site, "review_writer", recipe="debug", changes={"learning_rate": "0.002"}, most_usd=5.0, on=on)
    assert struck
    return result


@pytest.fixture(scope="module")
def outlived(site: Site, cloud_home: tuple[Path, CloudRecord]) -> TrainResult:
    return reclaimed(site, cloud_home[1], "sagemaker", "TRAINING_JOB_NAME")


def test_a_run_goes_on_after_its_machine_was_taken(site: Site, outlived: TrainResult) -> None:
    assert [attempt.outcome for attempt in outlived.attempts] == [Outcome.RECLAIMED, Outcome.SUCCEEDED]
    assert outlived.job.endswith("-2")
    assert outlived.usd is not None
    assert 0 < outlived.usd < 5
    again = train(site, "review_writer", recipe="debug", most_usd=5.0, run=outlived.job.removesuffix("-2"))
    assert (again.job, again.attempts) == (outlived.job, outlived.attempts), "a run that is done is done"


def test_on_a_pool_it_does_too(site: Site, cloud_home: tuple[Path, CloudRecord]) -> None:
    result = reclaimed(site, cloud_home[1], "batch:small", ASSIGNMENT_VARIABLE)
    assert [attempt.outcome for attempt in result.attempts] == [Outcome.RECLAIMED, Outcome.SUCCEEDED]


def test_a_run_can_be_read_back_done_again_and_compared(site: Site, outlived: TrainResult, tmp_path: Path) -> None:
    first = outlived.job
    again = runs.reproduce(site, first)
    assert again.same, again.differences
    runs.check(again)
    assert {again.again, first} <= {line.job for line in runs.listed(site, model="review_writer").runs}
    recipe = runs.show(site, first).manifest["recipe"]
    assert (recipe["seed"], recipe["learning_rate"]) == (1, 0.002)
    curves = tmp_path / "plots" / "curves.png"
    runs_shown = {job: runs.show(site, job).report["curve"] for job in (first, again.again)}
    draw(runs_shown, curves)
    assert curves.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(CommandError, match=r"must end in one of \.png"):
        draw(runs_shown, tmp_path / "curves.txt")
    other = again.model_copy(update={"same": False, "differences": {"came.accuracy": (0.5, 0.4)}})
    with pytest.raises(WorkError, match=r"came\.accuracy was 0\.5 and is 0\.4"):
        runs.check(other)


def test_a_job_that_fails_is_told_with_its_reason_and_its_log(site: Site, tmp_path: Path) -> None:
    from ml.data import datasets

    data = datasets.prepare(MODEL, site.workspace.cache / "datasets", tmp_path / "data")
    broken = {"Bucket": "models-data", "Key": f"datasets/{MODEL}/{data.version}/{datasets.MANIFEST}"}
    site.client("s3").put_object(**broken, Body=b"{}")
    try:
        with pytest.raises(JobError, match=r"manifest\.json cannot be read") as caught:
            train(site, MODEL, recipe="debug")
    finally:
        site.client("s3").delete_object(**broken)
    assert any("manifest.json cannot be read" in line for line in caught.value.details)
    assert caught.value.exit_code == 1
    with pytest.raises(CommandError, match="has left no model"):
        optimize(site, MODEL, job=caught.value.thing.split("'")[1])


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda site: train(site, "review_sentimant", recipe="debug"), "use 'review_sentiment'"),
        (lambda site: train(site, MODEL, recipe="debuk"), "use 'debug'"),
        (lambda site: train(site, MODEL, recipe="debug", changes={"epoch": "2"}), "use 'epochs'"),
        (
            lambda site: train(site, MODEL, recipe="debug", most_usd=1, most_minutes=9),
            "--most-minutes 9 are for a single",
        ),
        (lambda site: known_jobs.newest(site, "train", "no_such_model"), "no completed train job"),
        (lambda site: optimize(site, MODEL, job="gone"), "is not known in environment 'local'"),
        (lambda site: release(site, "review_writer"), "no endpoint"),
        (lambda site: release(site, "review_sentimant"), "use 'review_sentiment'"),
        (lambda site: optimize(site, "review_sentimant"), "use 'review_sentiment'"),
        (lambda site: predict(site, "review-sentimant", ["a"]), "did you mean 'review-sentiment'?"),
        (lambda site: predict(site, ENDPOINT, []), "no text"),
        (lambda site: train(site, MODEL, recipe="debug", most_usd=1, run="nope"), "of it was ever made"),
        (lambda site: cost(site, by="modle"), "did you mean 'model'?"),
        (lambda site: list(logs(site, "review-sentimant")), "did you mean 'review-sentiment'?"),
    ],
)
def test_what_cannot_be_met_is_told_before_anything_is_started(site: Site, wrong: Any, told: str) -> None:
    with pytest.raises(Exception, match=told.replace("?", r"\?")) as caught:
        wrong(site)
    assert caught.type.__module__ in {"ci.errors", "ml.errors"}


def test_what_is_not_deployed_is_told(site: Site) -> None:
    name = TrainingContract.parameter_name("groundplan", "local")
    ssm = site.client("ssm")
    kept = ssm.get_parameter(Name=name)["Parameter"]["Value"]
    ssm.delete_parameter(Name=name)
    try:
        with pytest.raises(NotDeployedError, match="deploy first: groundplan deploy local"):
            train(site, MODEL, recipe="debug")
    finally:
        ssm.put_parameter(Name=name, Type="String", Value=kept)


GOOD = {"accuracy": 0.84, "baseline_accuracy": 0.79, "parity": {"max_abs_diff": 1e-6, "tolerance": 1e-4}}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"accuracy": 0.78}, "accuracy=0.7800 is below the baseline's 0.7900"),
        ({"accuracy": float("nan")}, "accuracy=nan is below"),
        ({"parity": {"max_abs_diff": 0.01, "tolerance": 1e-4}}, "max_abs_diff=0.01 is above 0.0001"),
    ],
)
def test_the_gate_is_closed_to_what_is_worse(change: dict[str, Any], told: str) -> None:
    gate.check(MODEL, GOOD)
    with pytest.raises(GateError, match=told):
        gate.check(MODEL, json.loads(json.dumps(GOOD)) | change)
