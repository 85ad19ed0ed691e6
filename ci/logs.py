"""Finds the log of a job or an endpoint by its name."""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ci.contracts import serving_contract
from ci.errors import CommandError
from ci.log_tail import ENDPOINTS, TRAINING_JOBS, LogTail
from ci.site import Site
from infra.spec.errors import nearest

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

POLL_SECONDS = 0.5


def logs(site: Site, name: str, *, follow: bool = False) -> Iterator[str]:
    """Yield the log's lines. With `follow` go on until the job has ended; an endpoint's log never ends."""
    sagemaker: SageMakerClient = site.client("sagemaker")
    for region in site.environment.regions:
        if name in {endpoint.name for endpoint in region.endpoints}:
            group = f"{ENDPOINTS}/{serving_contract(site, region, name).endpoint_name}"
            tail = LogTail(site.client("logs", region.name), group)
            break
    else:
        _check_job(sagemaker, site, name)
        tail = LogTail(site.client("logs"), TRAINING_JOBS, f"{name}/")
    while True:
        # Asked before the log is read, so that what a job wrote last is read too.
        ended = not follow or (tail.group == TRAINING_JOBS and not _runs(sagemaker, name))
        yield from tail.read()
        if ended:
            return
        time.sleep(POLL_SECONDS)


def _check_job(sagemaker: "SageMakerClient", site: Site, name: str) -> None:
    pages = sagemaker.get_paginator("list_training_jobs").paginate(SortBy="CreationTime", SortOrder="Descending")
    jobs = [job["TrainingJobName"] for page in pages for job in page["TrainingJobSummaries"]]
    if name in jobs:
        return
    endpoints = [endpoint.name for region in site.environment.regions for endpoint in region.endpoints]
    raise CommandError(
        thing="logs",
        value=repr(name),
        rule=f"is neither a job nor an endpoint of environment {site.name!r}",
        fix=nearest(name, [*jobs, *endpoints], otherwise=f"see which there are: groundplan status {site.name}"),
    )


def _runs(sagemaker: "SageMakerClient", name: str) -> bool:
    return sagemaker.describe_training_job(TrainingJobName=name)["TrainingJobStatus"] in {"InProgress", "Stopping"}
