"""Turns a trained model into the one that is served: a second job exports it and proves that it answers alike."""

import json
from typing import Any

from ci import jobs, known_jobs
from ci.artifacts import fetch_archive
from ci.progress import QUIET, Progress
from ci.result import Result
from ci.site import Site


class OptimizeResult(Result):
    """A completed optimization and what its report.json says, parity among it."""

    job: str
    model: str
    trained_by: str
    seconds: int
    artifact: str
    report: dict[str, Any]


def optimize(site: Site, model: str, *, job: str | None = None, progress: Progress = QUIET) -> OptimizeResult:
    """Optimize what the training job `job` made, by default the newest of `model` that was completed."""
    from ml.models import catalogue

    # Raises an error with the nearest names before anything is asked.
    catalogue.card(model)
    trained_by = job or known_jobs.newest(site, "train", model)
    fix = f"take a completed one, or train: groundplan train {site.name} {model}"
    trained, trained_model = known_jobs.completed(site, trained_by, fix=fix)
    # A training job that streamed its data has no channel for it.
    data = trained.channels.get("training") or trained.hyperparameters.get("data", "")
    request = jobs.JobRequest(
        kind="optimize",
        model=model,
        channels={"training": data, "model": trained_model},
        hyperparameters=trained.hyperparameters,
    )
    name = jobs.start(site, request)
    progress.say(f"Started job {name} on what {trained_by} made.")
    done = jobs.follow(site, name, progress)
    artifact = done["ModelArtifacts"]["S3ModelArtifacts"]
    content = fetch_archive(site, artifact, site.workspace.folder(site.name) / "jobs" / name)
    return OptimizeResult(
        job=name,
        model=model,
        trained_by=trained_by,
        seconds=done["TrainingTimeInSeconds"],
        artifact=artifact,
        report=json.loads((content / "report.json").read_text()),
    )
