"""Jobs by their names, wherever they run: SageMaker's own, and those that were submitted to a pool."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from ci import jobs, pool_jobs, pool_records
from ci.errors import CommandError
from ci.pool_records import PoolRecord
from ci.result import Result
from ci.site import Site
from infra.naming import Names

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

# As `train --on` takes them; a pool's name stands behind the second: `batch:small`.
SAGEMAKER, BATCH = "sagemaker", "batch"
MOST = 100
# SageMaker's words; `Forgotten` is a job that was on a pool, of which Batch knows nothing any more and that left no
# model.
State = Literal["InProgress", "Stopping", "Completed", "Failed", "Stopped", "Forgotten"]


class KnownJob(Result):
    """A job: where it runs, how it is, what it was given, and where its model is once it has one."""

    job: str
    kind: jobs.Kind
    place: str
    share: str | None = None
    state: State
    created: datetime
    # Those of its machine, of all attempts.
    seconds: int | None
    hyperparameters: Mapping[str, str]
    channels: Mapping[str, str]
    artifact: str | None

    @property
    def at_work(self) -> bool:
        """Whether something will still become of it."""
        return self.state in {"InProgress", "Stopping"}


def find(site: Site, name: str) -> KnownJob | None:
    """Return the job of that name; None when there is none."""
    from botocore.exceptions import ClientError

    sagemaker: SageMakerClient = site.client("sagemaker")
    try:
        return _of_sagemaker(sagemaker.describe_training_job(TrainingJobName=name))
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"ValidationException", "ResourceNotFound"}:
            raise
    record = pool_records.read(site, name)
    return _of_pool(site, record, pool_jobs.described(site, record.pool, name).get(name)) if record else None


def get(site: Site, name: str) -> KnownJob:
    """Return the job of that name, or say that there is none."""
    if found := find(site, name):
        return found
    raise CommandError(
        thing="job",
        value=repr(name),
        rule=f"is not known in environment {site.name!r}",
        fix=f"see which there are: groundplan status {site.name}",
    )


def completed(site: Site, name: str, *, fix: str) -> tuple[KnownJob, str]:
    """Return a job that is completed and the S3 address of what it left, or say how it is."""
    found = get(site, name)
    if found.state != "Completed" or found.artifact is None:
        raise CommandError(thing=f"job {name!r}", value=found.state, rule="has left no model", fix=fix)
    return found, found.artifact


def listed(site: Site, *, most: int = MOST) -> list[KnownJob]:
    """Return the environment's jobs, the newest first."""
    sagemaker: SageMakerClient = site.client("sagemaker")
    page = sagemaker.list_training_jobs(
        NameContains=_prefix(site), SortBy="CreationTime", SortOrder="Descending", MaxResults=most
    )
    names = [entry["TrainingJobName"] for entry in page["TrainingJobSummaries"]]
    found = [_of_sagemaker(sagemaker.describe_training_job(TrainingJobName=name)) for name in names]
    return _newest_first([*found, *_on_pools(site, _prefix(site), most)])[:most]


def newest(site: Site, kind: jobs.Kind, model: str) -> str:
    """Return the name of the job of this kind and model that was completed last."""
    sagemaker: SageMakerClient = site.client("sagemaker")
    stem = jobs.stem(site, kind, model)
    page = sagemaker.list_training_jobs(
        NameContains=stem, StatusEquals="Completed", SortBy="CreationTime", SortOrder="Descending", MaxResults=1
    )
    found = [
        _of_sagemaker(sagemaker.describe_training_job(TrainingJobName=entry["TrainingJobName"]))
        for entry in page["TrainingJobSummaries"]
    ]
    found += [job for job in _on_pools(site, stem, MOST) if job.state == "Completed"]
    if not found:
        raise CommandError(
            thing=f"model {model!r}",
            value=f"no completed {kind} job",
            rule=f"is in environment {site.name!r}",
            fix=f"run one: groundplan {kind} {site.name} {model}",
        )
    return _newest_first(found)[0].job


def _newest_first(found: Iterable[KnownJob]) -> list[KnownJob]:
    return sorted(found, key=lambda job: job.created, reverse=True)


def _prefix(site: Site) -> str:
    return Names.of(site.environment, site.home_region.name).regional("")


def _on_pools(site: Site, prefix: str, most: int) -> list[KnownJob]:
    """Return the newest jobs of pools whose names begin so."""
    names = [name for name in pool_records.names(site) if name.startswith(prefix)][:most]
    records = [record for name in names if (record := pool_records.read(site, name))]
    known: dict[str, Any] = {}
    for pool in {record.pool for record in records}:
        known |= pool_jobs.described(site, pool, f"{prefix}*")
    return [_of_pool(site, record, known.get(record.job)) for record in records]


def _of_sagemaker(job: Any) -> KnownJob:
    sources = {one["ChannelName"]: one["DataSource"]["S3DataSource"]["S3Uri"] for one in job.get("InputDataConfig", ())}
    entry: list[str] = job["AlgorithmSpecification"].get("ContainerEntrypoint", [])
    return KnownJob(
        job=job["TrainingJobName"],
        kind="optimize" if "optimize" in entry else "train",
        place=SAGEMAKER,
        state=job["TrainingJobStatus"],
        created=job["CreationTime"],
        seconds=job.get("TrainingTimeInSeconds"),
        hyperparameters=job.get("HyperParameters", {}),
        channels=sources,
        artifact=job.get("ModelArtifacts", {}).get("S3ModelArtifacts"),
    )


def _of_pool(site: Site, record: PoolRecord, job: Any | None) -> KnownJob:
    state = pool_jobs.state(job) if job else "Completed" if pool_jobs.left_a_model(site, record.job) else "Forgotten"
    return KnownJob(
        job=record.job,
        kind=record.kind,
        place=f"{BATCH}:{record.pool}",
        share=record.share,
        state=state,
        created=record.created.astimezone(UTC),
        seconds=pool_jobs.seconds(job) if job and job["status"] in pool_jobs.ENDED else None,
        hyperparameters=record.hyperparameters,
        channels=record.channels,
        artifact=pool_jobs.artifact(site, record.job) if state == "Completed" else None,
    )
