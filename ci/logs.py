"""Finds the log of a job or an endpoint by its name."""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ci import job_records, known_jobs, pool_jobs
from ci.contracts import serving_contract
from ci.errors import CommandError
from ci.log_tail import ENDPOINTS, LogTail
from ci.site import Site
from infra.spec import RegionSpec
from infra.spec.errors import nearest

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

POLL_SECONDS = 0.5


def logs(site: Site, name: str, *, follow: bool = False) -> Iterator[str]:
    """Yield the log's lines. With `follow` go on until the job has ended; an endpoint's log never ends."""
    region = next((region for region in site.environment.regions if name in _endpoints(region)), None)
    log = _of_endpoint(site, region, name) if region else _of_job(site, name)
    while True:
        # Asked before the log is read, so that what a job wrote last is read too.
        ended = not follow or not (region or known_jobs.get(site, name).at_work)
        yield from log.read()
        if ended:
            return
        time.sleep(POLL_SECONDS)


def _endpoints(region: RegionSpec) -> list[str]:
    return [endpoint.name for endpoint in region.endpoints]


def _of_endpoint(site: Site, region: RegionSpec, name: str) -> LogTail:
    group = f"{ENDPOINTS}/{serving_contract(site, region, name).endpoint_name}"
    return LogTail(site.client("logs", region.name), group)


def _of_job(site: Site, name: str) -> LogTail | pool_jobs.Log:
    job = known_jobs.find(site, name)
    if job is None:
        raise _unknown(site, name)
    if log := known_jobs.log(site, job):
        return log
    raise CommandError(
        thing=f"job {name!r}",
        value="its log",
        rule="cannot be told from others: Batch forgets which it was a week after the job's end",
        fix=f"look through the log group of {job.place}, which keeps it",
    )


def _unknown(site: Site, name: str) -> CommandError:
    sagemaker: SageMakerClient = site.client("sagemaker")
    pages = sagemaker.get_paginator("list_training_jobs").paginate(SortBy="CreationTime", SortOrder="Descending")
    jobs = [job["TrainingJobName"] for page in pages for job in page["TrainingJobSummaries"]]
    endpoints = [endpoint for region in site.environment.regions for endpoint in _endpoints(region)]
    known = [*jobs, *job_records.names(site), *endpoints]
    return CommandError(
        thing="logs",
        value=repr(name),
        rule=f"is neither a job nor an endpoint of environment {site.name!r}",
        fix=nearest(name, known, otherwise=f"see which there are: groundplan status {site.name}"),
    )
