"""Training runs, read back: what each was, how it went, how two differ, and whether one can be had again."""

import json
from typing import Any

from ci import known_jobs
from ci.artifacts import fetch_archive
from ci.errors import CommandError, WorkError
from ci.progress import QUIET, Progress
from ci.result import Result
from ci.site import Site
from ci.train import train

# What belongs to the moment, not to the run: two runs that differ in nothing else are the same.
OF_THE_MOMENT = ("job", "seconds", "seconds_per_step", "train_seconds", "hardware")


class RunLine(Result):
    """A run in a list. What only a completed one has is None for others."""

    job: str
    model: str
    recipe: str
    # As `train --on` takes it.
    place: str
    state: str
    created: str
    seconds: int | None


class RunsResult(Result):
    """Training jobs, the newest first; at most a hundred."""

    runs: tuple[RunLine, ...]


class RunResult(Result):
    """A completed run: its manifest (code, data, recipe, seed, packages, hardware) and its report (figures, curve)."""

    job: str
    manifest: dict[str, Any]
    report: dict[str, Any]


class ComparisonResult(Result):
    """Two runs: each field in which they differ, by its dotted name → its two values."""

    one: RunResult
    other: RunResult
    differences: dict[str, tuple[Any, Any]]


class ReproductionResult(Result):
    """A run done again: whether every figure and every point of the curve is the same, and if not, which is not."""

    original: str
    again: str
    same: bool
    differences: dict[str, tuple[Any, Any]]


class RecordResult(Result):
    """A run from nothing as it now stands in a file beside its model."""

    file: str
    run: dict[str, Any]


def listed(site: Site, *, model: str | None = None) -> RunsResult:
    """Return the environment's training jobs, the newest first."""
    lines = [
        RunLine(
            job=job.job,
            model=job.hyperparameters["model"],
            recipe=job.hyperparameters["recipe"],
            place=job.place,
            state=job.state,
            created=job.created.isoformat(timespec="seconds"),
            seconds=job.seconds if job.state == "Completed" else None,
        )
        for job in known_jobs.listed(site)
        if _is_run(job) and model in (None, job.hyperparameters["model"])
    ]
    return RunsResult(runs=tuple(lines))


def show(site: Site, job: str) -> RunResult:
    """Return a completed run's manifest and report."""
    fix = f"choose a completed one: groundplan runs list {site.name}"
    found, artifact = known_jobs.completed(site, job, fix=fix)
    if not _is_run(found):
        raise CommandError(thing="run", value=repr(job), rule="trained nothing", fix=fix)
    folder = fetch_archive(site, artifact, site.workspace.folder(site.name) / "jobs" / job)
    manifest, report = (json.loads((folder / name).read_text()) for name in ("run.json", "report.json"))
    return RunResult(job=job, manifest=manifest, report=report)


def compare(site: Site, one: str, other: str) -> ComparisonResult:
    """Return how two runs differ, in what they were given and in what came out."""
    first, second = show(site, one), show(site, other)
    return ComparisonResult(one=first, other=second, differences=_differences(_facts(first), _facts(second)))


def record(site: Site, job: str) -> RecordResult:
    """Write a completed run from nothing into its model's folder."""
    from ml.models import catalogue
    from ml.training import from_scratch

    found = show(site, job)
    model, recipe = found.manifest["model"], found.manifest["recipe"]
    if recipe.get("pretrained", True):
        raise CommandError(
            thing="run", value=repr(job), rule=f"is of recipe {recipe['name']!r}, which does not begin from nothing",
            fix=f"train one that does: groundplan train {site.name} {model} --recipe scratch",
        )  # fmt: skip
    folder = catalogue.folder(model)
    run = from_scratch.record(folder, found.manifest, found.report)
    return RecordResult(file=str(folder / from_scratch.FILE), run=run)


def reproduce(site: Site, job: str, progress: Progress = QUIET) -> ReproductionResult:
    """Train again as `job` did and compare all figures; what was given differently is told."""
    original = show(site, job)
    known = known_jobs.get(site, job)
    asked = dict(known.hyperparameters)
    model, recipe, streamed = asked.pop("model"), asked.pop("recipe"), asked.pop("data", None)
    how: dict[str, Any] = {"on": known.place, "share": known.share, "workers": known.workers, "stream": bool(streamed)}
    again = show(site, train(site, model, recipe=recipe, changes=asked, **how, progress=progress).job)
    if changed := _differences(original.manifest, again.manifest):
        progress.say("Not the same was given: " + ", ".join(f"{name} {a} → {b}" for name, (a, b) in changed.items()))
    differences = _differences(_facts(original), _facts(again))
    return ReproductionResult(original=job, again=again.job, same=not differences, differences=differences)


def check(result: ReproductionResult) -> None:
    """Raise `WorkError` when a run did not come out the same."""
    if not result.same:
        name, (before, after) = next(iter(result.differences.items()))
        raise WorkError(
            thing=f"run {result.original!r}",
            value=f"{name} was {before} and is {after}",
            rule=f"so {result.again!r} is not the same run ({len(result.differences)} fields differ)",
            fix=f"see all of them: groundplan runs compare ENVIRONMENT {result.original} {result.again}",
        )


def _is_run(job: known_jobs.KnownJob) -> bool:
    return job.kind == "train" and {"model", "recipe"} <= job.hyperparameters.keys()


def _facts(run: RunResult) -> dict[str, Any]:
    return {"given": run.manifest, "came": run.report}


def _differences(one: Any, other: Any, at: str = "") -> dict[str, tuple[Any, Any]]:
    """Return the leaves in which two values differ, but for what belongs to the moment."""
    if at.rsplit(".", 1)[-1] in OF_THE_MOMENT:
        return {}
    if isinstance(one, dict) and isinstance(other, dict):
        pairs = [(f"{at}.{key}" if at else key, one.get(key), other.get(key)) for key in sorted({*one, *other})]
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = [(f"{at}.{number}", *pair) for number, pair in enumerate(zip(one, other, strict=True))]
    else:
        return {} if one == other else {at: (one, other)}
    return {name: pair for where, a, b in pairs for name, pair in _differences(a, b, where).items()}
