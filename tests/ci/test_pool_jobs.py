"""Jobs of a pool by their names: as SageMaker's are listed, shown, followed and built upon, so are these."""

import textwrap
from collections.abc import Iterator

import pytest

from ci import known_jobs, pool_jobs, runs
from ci.drill import platform
from ci.errors import CommandError, JobError
from ci.jobs import JobRequest
from ci.logs import logs
from ci.optimize import optimize
from ci.progress import QUIET
from ci.site import Site
from ci.status import status
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
