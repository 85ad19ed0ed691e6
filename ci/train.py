"""Trains a model on the platform: its data to S3, a training job, its log live, its report."""

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ci import cluster_jobs, jobs, known_jobs, pool_jobs
from ci.artifacts import fetch_archive
from ci.data import in_bucket
from ci.errors import CommandError
from ci.known_jobs import BATCH, CLUSTER, SAGEMAKER
from ci.progress import QUIET, Progress
from ci.recovery.batch_jobs import BatchJobs
from ci.recovery.run import Work, check_begun, keep, pool_rules, rules, spot_share, store
from ci.recovery.sagemaker_jobs import SageMakerJobs
from ci.recovery.state import Attempt
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
    # Of a run with `most_usd`: every attempt, and what they cost together.
    attempts: tuple[Attempt, ...] = ()
    usd: float | None = None


def train(
    site: Site,
    model: str,
    *,
    recipe: str,
    changes: Mapping[str, str] | None = None,
    on: str = SAGEMAKER,
    share: str | None = None,
    workers: int = 1,
    stream: bool = False,
    wait: bool = True,
    most_minutes: float | None = None,
    most_usd: float | None = None,
    run: str | None = None,
    progress: Progress = QUIET,
) -> TrainResult:
    """Train `model` by one of its recipes, with `changes` to fields of it.

    `on` is "sagemaker"; "batch:POOL" for a pool of the environment, of which the job is somebody's `share`; or
    "cluster:CLUSTER", on which so many `workers` share the work.
    Raises `JobError` with the reason and the log's tail when the job fails. With `most_usd` the training is a run of
    one or more attempts, which goes on after reclaims until that is spent; `run` is one that was begun before. With
    `stream` the job reads its data from S3 while it trains. A job of SageMaker's is waited for no longer than
    `most_minutes`, and goes on.
    """
    kind, name = _place(site, on, share, workers, most_usd)
    if most_minutes is not None and (kind != SAGEMAKER or most_usd is not None):
        rule, fix = "are for a single job of SageMaker's", "leave them away, or take --no-wait"
        raise CommandError(thing="train", value=f"--most-minutes {most_minutes:g}", rule=rule, fix=fix)
    if run:
        check_begun(site, run, on)
    request, data_version = prepared(site, model, recipe, changes or {}, progress, stream=stream)
    request = replace(request, share=share, workers=workers)
    if most_usd is not None:
        return _kept(site, name, request, run, most_usd, data_version, recipe, progress)
    started = TrainResult(job="", model=model, recipe=recipe, data_version=data_version)
    if kind == BATCH:
        return _on_pool(site, name, request, started, wait, progress)
    if kind == CLUSTER:
        return _on_cluster(site, name, request, started, wait, progress)
    started = started.model_copy(update={"job": jobs.start(site, request)})
    progress.say(f"Started job {started.job}.")
    return _finished(site, started, most_minutes or math.inf, progress) if wait else started


def prepared(
    site: Site, model: str, recipe: str, changes: Mapping[str, str], progress: Progress, *, stream: bool = False
) -> tuple[jobs.JobRequest, str]:
    """Check what is asked for and bring the data to S3; return the job to start and the data's version."""
    from ml.models import catalogue

    # All raise an error with the nearest names before anything is started.
    catalogue.card(model)
    catalogue.recipe(model, recipe).changed(dict(changes))
    uri, version = in_bucket(site, model, progress)
    asked = {"model": model, "recipe": recipe, **changes} | ({"data": uri} if stream else {})
    channels = {} if stream else {"training": uri}
    return jobs.JobRequest(kind="train", model=model, channels=channels, hyperparameters=asked), version


def _place(site: Site, on: str, share: str | None, workers: int, most_usd: float | None) -> tuple[str, str]:
    """Return the kind of place and its name; raise before anything is made for one that takes no such job."""
    kind, _, name = on.partition(":")
    if on != SAGEMAKER and (kind not in (BATCH, CLUSTER) or not name):
        fix = "give sagemaker, batch:POOL or cluster:CLUSTER"
        raise CommandError(thing="train", value=f"--on {on}", rule="names no place to train", fix=fix)
    if workers != 1 and kind != CLUSTER:
        fix = "leave --workers away: a pool's nodes or the machine's GPUs say how many processes there are"
        raise CommandError(thing="train", value=f"--workers {workers}", rule=f"means nothing on {on}", fix=fix)
    if kind == CLUSTER and most_usd is not None:
        fix = "leave --most-usd away, or train --on batch:POOL"
        rule = "has no price: its machines are paid for whether they train or not"
        raise CommandError(thing="train", value=f"--most-usd with --on {on}", rule=rule, fix=fix)
    if kind == BATCH:
        pool_jobs.check_share(site, name, share)
    if kind == CLUSTER:
        cluster_jobs.check_takes_jobs(site, name)
    return kind, name


def _on_pool(
    site: Site, pool: str, request: jobs.JobRequest, started: TrainResult, wait: bool, progress: Progress
) -> TrainResult:
    name, id = pool_jobs.start(site, pool, request)
    progress.say(f"Submitted job {name} to pool {pool}, as {id}.")
    started = started.model_copy(update={"job": name})
    if not wait:
        return started
    ended = pool_jobs.follow(site, pool, name, id, progress)
    return _reported(site, started, pool_jobs.artifact(site, name), pool_jobs.seconds(ended))


def _on_cluster(
    site: Site, cluster: str, request: jobs.JobRequest, started: TrainResult, wait: bool, progress: Progress
) -> TrainResult:
    name = cluster_jobs.start(site, cluster, request)
    progress.say(f"Ordered job {name} from cluster {cluster}, workers={request.workers}.")
    started = started.model_copy(update={"job": name})
    if not wait:
        return started
    seconds = cluster_jobs.seconds(cluster_jobs.follow(site, cluster, name, progress)) or 0
    return _reported(site, started, cluster_jobs.artifact(site, cluster, name), seconds)


def _kept(
    site: Site,
    pool: str,
    request: jobs.JobRequest,
    run: str | None,
    most_usd: float,
    data_version: str,
    recipe: str,
    progress: Progress,
) -> TrainResult:
    name = run or jobs.new_name(site, "train", request.model)
    if pool:
        bound, share = pool_rules(site, pool, most_usd=most_usd), spot_share(site, pool)
        state = store(site, name, f"{BATCH}:{pool}").uri
        work: Work = BatchJobs(site, pool, name, request, state=state, spot_share=share)
    else:
        bound, work = rules(site, most_usd=most_usd), SageMakerJobs(site, name, request)
    again = f"--run {name}" + (f" --on {work.place}" if pool else "")
    progress.say(f"Run {name}: at most ${most_usd:.2f}; take it up again with {again}.")
    job, known = keep(site, name, work, bound, progress)
    started = TrainResult(
        job=job,
        model=request.model,
        recipe=recipe,
        data_version=data_version,
        attempts=known.attempts,
        usd=round(known.usd, 6),
    )
    # Its log was told while it ran.
    done, artifact = known_jobs.completed(site, job, fix=f"see its log: groundplan logs {site.name} {job}")
    return _reported(site, started, artifact, done.seconds or 0)


def _finished(site: Site, started: TrainResult, most_minutes: float, progress: Progress) -> TrainResult:
    then = f"groundplan optimize {site.name} {started.model} --job {started.job}"
    description = jobs.follow(site, started.job, progress, then=then, most_minutes=most_minutes)
    artifact = description["ModelArtifacts"]["S3ModelArtifacts"]
    return _reported(site, started, artifact, description["TrainingTimeInSeconds"])


def _reported(site: Site, started: TrainResult, artifact: str, seconds: int) -> TrainResult:
    content = fetch_archive(site, artifact, site.workspace.folder(site.name) / "jobs" / started.job)
    report = json.loads((content / "report.json").read_text())
    return started.model_copy(
        update={
            "seconds": seconds,
            "accuracy": report["accuracy"],
            "baseline_accuracy": report["baseline_accuracy"],
            "artifact": artifact,
            "report": report,
        }
    )
