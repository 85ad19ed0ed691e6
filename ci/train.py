"""Trains a model on the platform: its data to S3, a training job, its log live, its report."""

import json
import sys
from contextlib import redirect_stdout
from typing import Any

from ci import jobs
from ci.artifacts import fetch_archive, upload_folder
from ci.contracts import training_contract
from ci.progress import QUIET, Progress
from ci.result import Result
from ci.site import Site


class TrainResult(Result):
    """A job that was started and, unless nobody waited for it, completed."""

    job: str
    model: str
    recipe: str
    data_version: str
    # What follows is empty when nobody waited.
    seconds: int | None = None
    accuracy: float | None = None
    baseline_accuracy: float | None = None
    artifact: str | None = None
    # All of the job's own report.json: steps, seconds_per_step, train_seconds, curve, …
    report: dict[str, Any] | None = None


def train(site: Site, model: str, *, recipe: str, wait: bool = True, progress: Progress = QUIET) -> TrainResult:
    """Train `model` by one of its recipes. Raises `JobError` with the reason and the log's tail when the job fails."""
    from ml.data import datasets
    from ml.models import catalogue

    # Both raise an error with the nearest names before anything is started.
    catalogue.card(model)
    catalogue.recipe(model, recipe)
    contract = training_contract(site)
    folder = site.workspace.home / "datasets" / model
    # What it prints is no result of ours.
    with redirect_stdout(sys.stderr):
        data = datasets.prepare(model, site.workspace.cache / "datasets", folder)
    uri = upload_folder(site, folder, contract.data_bucket, f"datasets/{model}/{data.version}", last=datasets.MANIFEST)
    progress.say(f"Data set {model} {data.version} is at {uri}.")
    request = jobs.JobRequest(
        kind="train", model=model, channels={"training": uri}, hyperparameters={"model": model, "recipe": recipe}
    )
    job = jobs.start(site, request)
    progress.say(f"Started job {job}.")
    started = TrainResult(job=job, model=model, recipe=recipe, data_version=data.version)
    return _finished(site, started, progress) if wait else started


def _finished(site: Site, started: TrainResult, progress: Progress) -> TrainResult:
    description = jobs.follow(site, started.job, progress)
    artifact = description["ModelArtifacts"]["S3ModelArtifacts"]
    content = fetch_archive(site, artifact, site.workspace.folder(site.name) / "jobs" / started.job)
    report = json.loads((content / "report.json").read_text())
    return started.model_copy(
        update={
            "seconds": description["TrainingTimeInSeconds"],
            "accuracy": report["accuracy"],
            "baseline_accuracy": report["baseline_accuracy"],
            "artifact": artifact,
            "report": report,
        }
    )
