"""What was given to pools and clusters, as objects of the artifact bucket: Batch forgets a job a week after its end."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from ci.contracts import training_contract
from ci.errors import NotDeployedError
from ci.jobs import JobRequest, Kind
from ci.result import Result
from ci.site import Site

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

FOLDER, ENDING = "submitted/", ".json"
# SageMaker's words; `Forgotten` is a job of which nobody knows anything any more, and that left no model.
State = Literal["InProgress", "Stopping", "Completed", "Failed", "Stopped", "Forgotten"]


class Standing(Result):
    """How a job is, and once it has ended the seconds that it had its machines, all attempts together."""

    state: State
    seconds: int | None


class JobRecord(Result):
    """A job that was, or is about to be, given to a place (as `train --on` takes it), and what it is to do.

    `output` is the S3 folder of its results.
    """

    job: str
    place: str
    share: str | None
    workers: int
    kind: Kind
    model: str
    created: datetime
    hyperparameters: Mapping[str, str]
    channels: Mapping[str, str]
    output: str


def keep(site: Site, request: JobRequest, *, job: str, place: str, output: str) -> None:
    """Write down what is about to be given to a place."""
    record = JobRecord(
        job=job,
        place=place,
        share=request.share,
        workers=request.workers,
        kind=request.kind,
        model=request.model,
        created=datetime.now(UTC),
        hyperparameters=request.hyperparameters,
        channels=request.channels,
        output=output,
    )
    s3: S3Client = site.client("s3")
    bucket = training_contract(site).artifact_bucket
    s3.put_object(Bucket=bucket, Key=_key(job), Body=record.model_dump_json(indent=2).encode())


def read(site: Site, job: str) -> JobRecord | None:
    """Return the record of a job's name; None when no place but SageMaker was given such a job."""
    s3: S3Client = site.client("s3")
    try:
        found = s3.get_object(Bucket=training_contract(site).artifact_bucket, Key=_key(job))
    except (NotDeployedError, s3.exceptions.NoSuchKey):
        return None
    return JobRecord.model_validate_json(found["Body"].read())


def names(site: Site) -> list[str]:
    """Return the names of all recorded jobs, the newest first."""
    s3: S3Client = site.client("s3")
    try:
        bucket = training_contract(site).artifact_bucket
    except NotDeployedError:
        return []
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=FOLDER)
    keys = sorted(
        ((entry["LastModified"], entry["Key"]) for page in pages for entry in page.get("Contents", ())), reverse=True
    )
    return [key.removeprefix(FOLDER).removesuffix(ENDING) for _, key in keys]


def _key(job: str) -> str:
    return f"{FOLDER}{job}{ENDING}"
