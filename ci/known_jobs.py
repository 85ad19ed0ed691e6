"""Jobs by their names, wherever they run: SageMaker's own, and those that were given to a pool or a cluster."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ci import cluster_jobs, job_records, jobs, pool_jobs
from ci.artifacts import is_there
from ci.errors import CommandError
from ci.job_records import JobRecord, Standing, State
from ci.log_tail import TRAINING_JOBS, LogTail
from ci.result import Result
from ci.site import Site
from ml.contract import MODEL_ARCHIVE

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

# As `train --on` takes them; behind the others stands a name: `batch:small`.
SAGEMAKER, BATCH, CLUSTER = "sagemaker", "batch", "cluster"
MOST = 100


class KnownJob(Result):
    """A job: where it runs, how it is, what it was given, and where its model is once it has one."""

    job: str
    kind: jobs.Kind
    place: str
    share: str | None = None
    workers: int = 1
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
    record = job_records.read(site, name)
    return _recorded(site, [record])[0] if record else None


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
    return found, left_by(found, fix=fix)


def left_by(found: KnownJob, *, fix: str) -> str:
    """Return the S3 address of what a completed job left, or say how it is."""
    if found.state != "Completed" or found.artifact is None:
        raise CommandError(thing=f"job {found.job!r}", value=found.state, rule="has left no model", fix=fix)
    return found.artifact


def listed(site: Site, *, most: int = MOST) -> list[KnownJob]:
    """Return the environment's jobs, the newest first."""
    sagemaker: SageMakerClient = site.client("sagemaker")
    page = sagemaker.list_training_jobs(
        NameContains=jobs.prefix(site), SortBy="CreationTime", SortOrder="Descending", MaxResults=most
    )
    names = [entry["TrainingJobName"] for entry in page["TrainingJobSummaries"]]
    found = [_of_sagemaker(sagemaker.describe_training_job(TrainingJobName=name)) for name in names]
    return _newest_first([*found, *_elsewhere(site, jobs.prefix(site), most)])[:most]


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
    found += [job for job in _elsewhere(site, stem, MOST) if job.state == "Completed"]
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


def _elsewhere(site: Site, prefix: str, most: int) -> list[KnownJob]:
    """Return the newest jobs of pools and clusters whose names begin so."""
    names = [name for name in job_records.names(site) if name.startswith(prefix)][:most]
    return _recorded(site, [record for name in names if (record := job_records.read(site, name))])


def _recorded(site: Site, records: Sequence[JobRecord]) -> list[KnownJob]:
    """Ask each place once about all of its jobs."""
    known: dict[str, Standing] = {}
    for place in {record.place for record in records}:
        names = [record.job for record in records if record.place == place]
        known |= _service(place).standings(site, place.partition(":")[2], names)
    return [_of_record(site, record, known.get(record.job)) for record in records]


def _service(place: str) -> Any:
    return cluster_jobs if place.startswith(f"{CLUSTER}:") else pool_jobs


def log(site: Site, job: KnownJob) -> LogTail | pool_jobs.Log | None:
    """Return a job's log; None where nobody knows any more which it was."""
    if job.place == SAGEMAKER:
        return LogTail(site.client("logs"), TRAINING_JOBS, f"{job.job}/")
    found: LogTail | pool_jobs.Log | None = _service(job.place).log(site, job.place.partition(":")[2], job.job)
    return found


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


def _of_record(site: Site, record: JobRecord, standing: Standing | None) -> KnownJob:
    artifact = f"{record.output}/{MODEL_ARCHIVE}"
    standing = standing or Standing(state="Completed" if is_there(site, artifact) else "Forgotten", seconds=None)
    return KnownJob(
        job=record.job,
        kind=record.kind,
        place=record.place,
        share=record.share,
        workers=record.workers,
        state=standing.state,
        created=record.created,
        seconds=standing.seconds,
        hyperparameters=record.hyperparameters,
        channels=record.channels,
        artifact=artifact if standing.state == "Completed" else None,
    )
