"""What was submitted to pools, as objects of the artifact bucket: Batch forgets a job a week after its end."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from ci.contracts import training_contract
from ci.errors import NotDeployedError
from ci.jobs import Kind
from ci.result import Result
from ci.site import Site

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

FOLDER, ENDING = "pool-jobs/", ".json"


class PoolRecord(Result):
    """A job that was, or is about to be, submitted to a pool, and what it is to do."""

    job: str
    pool: str
    share: str | None
    kind: Kind
    model: str
    created: datetime
    hyperparameters: Mapping[str, str]
    channels: Mapping[str, str]


def keep(site: Site, record: PoolRecord) -> None:
    """Write it down, before its job is submitted."""
    s3: S3Client = site.client("s3")
    bucket = training_contract(site).artifact_bucket
    s3.put_object(Bucket=bucket, Key=_key(record.job), Body=record.model_dump_json(indent=2).encode())


def read(site: Site, job: str) -> PoolRecord | None:
    """Return the record of a job's name; None when no pool was given such a job."""
    s3: S3Client = site.client("s3")
    try:
        found = s3.get_object(Bucket=training_contract(site).artifact_bucket, Key=_key(job))
    except (NotDeployedError, s3.exceptions.NoSuchKey):
        return None
    return PoolRecord.model_validate_json(found["Body"].read())


def names(site: Site) -> list[str]:
    """Return the names of all jobs that pools were given, the newest first."""
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
