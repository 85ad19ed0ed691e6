"""Jobs of pools and clusters: known by their names as SageMaker's are; a pool's kept going within a budget."""

import json
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from ci import cluster_jobs, known_jobs, pool_jobs, runs
from ci.contracts import cluster_contract
from ci.drill import platform
from ci.drill.pools import reclaim
from ci.errors import CommandError, JobError
from ci.jobs import JobRequest
from ci.logs import logs
from ci.optimize import optimize
from ci.progress import QUIET, Progress
from ci.recovery.batch_jobs import BatchJobs, outcome_of
from ci.recovery.run import check_begun, keep, pool_rules, spot_share, store
from ci.recovery.state import Outcome, Purchase
from ci.site import Site
from ci.status import status
from ci.train import train as train_model
from tests.ci.conftest import REPOSITORY

# What these jobs do is written in their hyperparameters; an archive with what `runs` reads is all that is wanted here.
PROGRAM = REPOSITORY / "tests" / "localcloud" / "machines" / "program"
LEAVE_A_MODEL = """
import boto3, io, json, tarfile
bucket, key = output.removeprefix("s3://").split("/", 1)
packed = io.BytesIO()
with tarfile.open(fileobj=packed, mode="w:gz") as archive:
    for name, content in (("run.json", {"model": "tiny"}), ("report.json", {"accuracy": 0.5})):
        member, body = tarfile.TarInfo(name), json.dumps(content).encode()
        member.size = len(body)
        archive.addfile(member, io.BytesIO(body))
boto3.client("s3").put_object(Bucket=bucket, Key=f"{key}/model.tar.gz", Body=packed.getvalue())
print("it is done")
"""
# The first machine is taken away, the second saves and goes before that; the third is bought on demand.
OUTLIVE_TWO_MACHINES = """
import time
attempt = job.rsplit("-", 1)[1]
print("this is attempt", attempt)
if attempt == "1":
    time.sleep(60)
if attempt == "2":
    raise SystemExit(143)
"""
RUN = "groundplan-local-review-writer-train-20260101-000000-abcd"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with platform.running(tmp_path_factory.mktemp("home"), PROGRAM) as found:
        yield found


def asked(code: str) -> JobRequest:
    hyperparameters = {"model": "review_writer", "recipe": "debug", "code": textwrap.dedent(code)}
    channels = {"training": "s3://data/texts"}
    return JobRequest(kind="train", model="review_writer", channels=channels, hyperparameters=hyperparameters)


def train(site: Site, code: str) -> str:
    name, id = pool_jobs.start(site, "one", asked(code))
    pool_jobs.follow(site, "one", name, id, QUIET)
    return name


def test_a_name_is_enough_to_find_a_job_of_a_pool(site: Site) -> None:
    name = train(site, LEAVE_A_MODEL)
    (line,) = (line for line in runs.listed(site, model="review_writer").runs if line.job == name)
    assert (line.recipe, line.place, line.state) == ("debug", "batch:one", "Completed")
    assert line.seconds is not None
    assert runs.show(site, name).report == {"accuracy": 0.5}
    assert list(logs(site, name, follow=True)) == ["it is done"]
    assert known_jobs.newest(site, "train", "review_writer") == name
    assert name in {job.job for job in status(site).jobs}


def test_a_job_that_failed_left_no_model_and_its_log_says_why(site: Site) -> None:
    with pytest.raises(JobError, match="see all of its log: groundplan logs local") as caught:
        train(site, "print('I cannot'); raise SystemExit(1)")
    name = caught.value.thing.split("'")[1]
    assert list(logs(site, name)) == ["I cannot"]
    for use in (lambda: optimize(site, "review_writer", job=name), lambda: runs.show(site, name)):
        with pytest.raises(CommandError, match=f"job '{name}': Failed has left no model"):
            use()
    with pytest.raises(CommandError, match=f"did you mean '{name}'"):
        list(logs(site, f"{name[:-1]}x"))


def test_what_batch_has_forgotten_is_known_by_what_it_left(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    kept, lost = train(site, LEAVE_A_MODEL), train(site, "print('nothing is left of this')")
    monkeypatch.setattr(pool_jobs, "described", lambda *_: {})
    assert known_jobs.get(site, kept).state == "Completed"
    assert runs.show(site, kept).report == {"accuracy": 0.5}
    assert known_jobs.get(site, lost).state == "Forgotten"
    with pytest.raises(CommandError, match="Batch forgets which it was"):
        list(logs(site, lost))


class TakesTheFirst(Progress):
    """Takes every spot machine away once the first attempt has said a word."""

    def __init__(self, site: Site) -> None:
        self.site, self.lines = site, list[str]()

    def say(self, line: str) -> None:
        self.lines.append(line.strip())
        if self.lines[-1] == "this is attempt 1":
            reclaim(self.site.client)


def test_a_run_outlives_its_spot_machines_and_ends_on_demand_within_its_budget(site: Site) -> None:
    rules, place = pool_rules(site, "one", most_usd=5.0), "batch:one"
    assert rules.reclaims_before_on_demand == 2
    state = store(site, RUN, place)
    heard, request = TakesTheFirst(site), asked(OUTLIVE_TWO_MACHINES + LEAVE_A_MODEL)
    work = BatchJobs(site, "one", RUN, request, state=state.uri, spot_share=spot_share(site, "one"))
    job, known = keep(site, RUN, work, rules, heard)
    assert job == f"{RUN}-3"
    ends = [(attempt.outcome, attempt.purchase) for attempt in known.attempts]
    spot = (Outcome.RECLAIMED, Purchase.SPOT)
    assert ends == [spot, spot, (Outcome.SUCCEEDED, Purchase.ON_DEMAND)]
    assert [line for line in heard.lines if line.startswith("this")] == [f"this is attempt {n}" for n in (1, 2, 3)]
    assert all(attempt.billed_seconds < attempt.seconds for attempt in known.attempts[:2] if attempt.seconds)
    assert 0 < known.usd < 0.1
    batch = pool_jobs.described(site, "one", f"{RUN}-*")
    assert [len(job["attempts"]) for job in batch.values()] == [1, 1, 1], "no attempt is started again by Batch"
    assert batch[job]["timeout"] == {"attemptDurationSeconds": known.attempts[-1].limit_seconds}
    assert batch[job]["jobQueue"].endswith("on-demand")
    assert runs.show(site, job).report == {"accuracy": 0.5}
    assert keep(site, RUN, work, rules, QUIET) == (job, known), "a run that is done is done"
    with pytest.raises(CommandError, match=f"--on sagemaker is not where it was begun, on {place}"):
        check_begun(site, RUN, "sagemaker")


# On a cluster jobs are told what to do in their fourth word.
ASSIGNED = "import json, sys; globals().update(json.loads(sys.argv[4]))\n"
HEAD = """
import sys, boto3
from ml.clusters.job_log import Logs
from ml.clusters.jobs import Jobs
folder, group, program = sys.argv[1:]
Jobs("127.0.0.1:1", folder, Logs(boto3.client("logs"), group), (sys.executable, "-c", program)).serve(0.2)
"""


@contextmanager
def head(site: Site, program: str) -> Iterator[None]:
    """What takes a cluster's jobs; small programs stand for Ray, which tests/ci/test_launched_runs.py has."""
    contract = cluster_contract(site, "shared")
    folder = f"s3://{contract.artifact_bucket}/{contract.artifact_prefix}"
    words = (sys.executable, "-c", HEAD, folder, contract.log_group, ASSIGNED + program)
    with subprocess.Popen(words, cwd=REPOSITORY, env=site.variables()) as process:
        try:
            while process.poll() is None and not cluster_jobs.takes_jobs(site, "shared"):
                time.sleep(0.1)
            yield
        finally:
            process.terminate()


def test_a_cluster_without_a_head_is_told_before_anything_is_ordered(site: Site) -> None:
    with pytest.raises(
        CommandError, match=r"its head has not been heard of for 120 s; the embedded cloud starts no Ray"
    ):
        train_model(site, "review_writer", recipe="debug", on="cluster:shared")


def test_a_name_is_enough_to_find_a_job_of_a_cluster_too(site: Site) -> None:
    with head(site, LEAVE_A_MODEL + "if len(job) % 2: sys.exit(3)"):
        name = cluster_jobs.start(site, "shared", replace(asked(""), name="even", workers=2))
        assert cluster_jobs.follow(site, "shared", name, QUIET).starts == 1
        assert known_jobs.get(site, name).place == "cluster:shared"
        assert runs.show(site, name).report == {"accuracy": 0.5}
        assert list(logs(site, name, follow=True)) == ["it is done"]
        order = json.loads(
            site.client("s3")
            .get_object(Bucket="launchers-artifacts", Key="clusters/shared/orders/even.json")["Body"]
            .read()
        )
        assert (order["workers"], order["cpus"], order["gpus"]) == (2, 4, 0)
        failing = cluster_jobs.start(site, "shared", replace(asked(""), name="uneven-"))
        with pytest.raises(JobError, match="failed is how it ended, with exit code 3"):
            cluster_jobs.follow(site, "shared", failing, QUIET)
        assert known_jobs.get(site, failing).state == "Failed"


def ended(**more: Any) -> dict[str, Any]:
    return {"status": "FAILED", "attempts": [{"container": {"exitCode": more.pop("code", None)}}], **more}


@pytest.mark.parametrize(
    ("job", "outcome"),
    [
        ({"status": "RUNNABLE"}, None),
        ({"status": "SUCCEEDED"}, Outcome.SUCCEEDED),
        (ended(statusReason="Host EC2 (instance i-1) terminated."), Outcome.RECLAIMED),
        (ended(statusReason="CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY", isCancelled=True), Outcome.RECLAIMED),
        (ended(statusReason="Essential container in task exited", code=143), Outcome.RECLAIMED),
        (ended(statusReason="Essential container in task exited", code=2), Outcome.FAILED),
        (ended(statusReason="Job attempt duration exceeded timeout", code=143), Outcome.OUT_OF_TIME),
        (ended(statusReason="enough", code=143, isTerminated=True), Outcome.STOPPED),
    ],
)
def test_a_reclaim_of_a_pool_s_machine_is_told_from_a_failure(job: dict[str, Any], outcome: Outcome | None) -> None:
    assert outcome_of(job) is outcome
