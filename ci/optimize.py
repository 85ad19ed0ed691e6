"""Turns a trained model into the one that is served: a second job takes it through an optimization recipe's steps."""

import json
import math
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from ci import jobs, known_jobs
from ci.artifacts import fetch_archive
from ci.data import in_bucket
from ci.errors import CommandError
from ci.progress import QUIET, Progress
from ci.result import Result
from ci.site import Site


class StepLine(Result):
    """The trained model, or what a step made of it. `accuracy` is the mean over text domains; times on one thread."""

    step: str
    bytes: int
    memory_bytes: int
    accuracy: float
    p50_ms: float
    p99_ms: float
    batch_p50_ms: float
    batch_p99_ms: float
    # At a batch of 32.
    examples_per_second: float
    # Kind → slice → accuracy.
    slices: Mapping[str, Mapping[str, float]]


class PackageLine(StepLine):
    """A file that was made for one kind of machine, beside the one that is served."""

    file: str


class OptimizeResult(Result):
    """A completed optimization: its steps, and what its report.json says, parity among it."""

    job: str
    model: str
    recipe: str
    trained_by: str
    seconds: int
    artifact: str
    steps: tuple[StepLine, ...]
    packages: tuple[PackageLine, ...] = ()
    # A file here, and beside the job's output in S3.
    plot: str
    plot_uri: str
    report: dict[str, Any]


def optimize(
    site: Site,
    model: str,
    *,
    recipe: str = "exact",
    job: str | None = None,
    most_minutes: float | None = None,
    progress: Progress = QUIET,
) -> OptimizeResult:
    """Optimize what the training job `job` made, by default the newest of `model` that was completed.

    Raises `JobError` with the number when a gate of the recipe refuses what was made. The job is waited for no longer
    than `most_minutes`, and goes on.
    """
    from ml.contract import ELSEWHERE_CHANNEL
    from ml.models import catalogue

    # Both raise an error with the nearest names before anything is asked.
    catalogue.card(model)
    optimization = catalogue.optimization(model, recipe)
    trained_by = job or known_jobs.newest(site, "train", model)
    trained, trained_model = _trained(site, model, trained_by)
    # A training job that streamed its data has no channel for it.
    data = trained.channels.get("training") or trained.hyperparameters.get("data", "")
    channels = {"training": data, "model": trained_model}
    if optimization.elsewhere:
        channels[ELSEWHERE_CHANNEL], _ = in_bucket(site, model, progress, part="elsewhere")
    hyperparameters = {**trained.hyperparameters, "optimization": recipe}
    request = jobs.JobRequest(kind="optimize", model=model, channels=channels, hyperparameters=hyperparameters)
    name = jobs.start(site, request)
    progress.say(f"Started job {name} on what {trained_by} made, by recipe {recipe}.")
    then = f"groundplan models register {site.name} {model} --job {name}"
    done = jobs.follow(site, name, progress, then=then, most_minutes=most_minutes or math.inf)
    return _result(site, model, recipe, trained_by, done)


def _trained(site: Site, model: str, name: str) -> tuple[known_jobs.KnownJob, str]:
    """Return a completed training and the S3 address of what it left; an optimization is refused however it is."""
    found = known_jobs.get(site, name)
    if found.kind == "optimize":
        raise CommandError(
            thing=f"job {name!r}",
            value="an optimization",
            rule="is optimized already: --job takes a training",
            fix=f"register what it made: groundplan models register {site.name} {model} --job {name}",
        )
    return found, known_jobs.left_by(found, fix=f"take a completed one, or train: groundplan train {site.name} {model}")


def _result(site: Site, model: str, recipe: str, trained_by: str, done: Any) -> OptimizeResult:
    from ci.optimization_report import draw

    name, artifact = done["TrainingJobName"], done["ModelArtifacts"]["S3ModelArtifacts"]
    jobs_folder = site.workspace.folder(site.name) / "jobs"
    report = json.loads((fetch_archive(site, artifact, jobs_folder / name) / "report.json").read_text())
    steps = tuple(_line(row) for row in report["measured"])
    # An older image makes none.
    made = report.get("packages", ())
    packages = tuple(PackageLine(**dict(_line(package["measured"])), file=package["file"]) for package in made)
    # Beside the content, not in it: what lies there becomes the bundle.
    plot = draw((*steps, *packages), f"{model}, {recipe}", jobs_folder / f"{name}-pareto.png")
    bucket, folder = urlsplit(artifact).netloc, urlsplit(artifact).path.lstrip("/").rpartition("/")[0]
    site.client("s3").upload_file(str(plot), bucket, f"{folder}/{PLOT}")
    return OptimizeResult(
        job=name,
        model=model,
        recipe=recipe,
        trained_by=trained_by,
        seconds=done["TrainingTimeInSeconds"],
        artifact=artifact,
        steps=steps,
        packages=packages,
        plot=str(plot),
        plot_uri=f"s3://{bucket}/{folder}/{PLOT}",
        report=report,
    )


PLOT = "pareto.png"


def _line(row: dict[str, Any]) -> StepLine:
    one, many = row["timings"]
    return StepLine(
        step=row["step"],
        bytes=row["bytes"],
        memory_bytes=row["memory_bytes"],
        accuracy=row["accuracy"],
        p50_ms=one["p50_ms"],
        p99_ms=one["p99_ms"],
        batch_p50_ms=many["p50_ms"],
        batch_p99_ms=many["p99_ms"],
        examples_per_second=many["examples_per_second"],
        slices=row["slices"],
    )
