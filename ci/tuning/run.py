"""`groundplan tune`: joins a model's search, the study's storage, the platform's jobs and a budget."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ci import jobs
from ci.errors import CommandError
from ci.progress import QUIET, Progress
from ci.recovery.run import rules
from ci.run_lock import hold
from ci.site import Site
from ci.train import prepared
from ci.tuning.budget import Budget, Machine
from ci.tuning.curve import Signal
from ci.tuning.report import TuneResult, reported
from ci.tuning.study import Study
from ci.tuning.trial_jobs import TrialJobs
from ci.tuning.tuner import Tuner

if TYPE_CHECKING:
    from optuna.storages import BaseStorage


def tune(
    site: Site,
    model: str,
    *,
    recipe: str,
    budget: Budget,
    study: str | None = None,
    parallel: int = 2,
    prune_by: Signal | None = None,
    seed: int = 1,
    progress: Progress = QUIET,
) -> TuneResult:
    """Look for better values of a recipe's fields, within `budget`; goes on where an earlier call of `study` ended.

    Trials are stopped early by their held-out accuracy where the recipe measures it on the way, else by their loss.
    """
    from ml.models import catalogue
    from ml.training import search

    words = catalogue.search(model)
    defaults = search.defaults(words, catalogue.recipe(model, recipe))
    signal: Signal = prune_by or ("accuracy" if catalogue.recipe(model, recipe).epochs > 1 else "loss")
    request, data_version = prepared(site, model, recipe, {}, progress)
    name = study or f"{model}-{recipe}"
    facts = {"model": model, "recipe": recipe, "data": data_version, "search": repr(dict(words)), "pruned by": signal}
    folder = _folder(site, name)
    with hold(folder, f"tune {site.name} --study {name}", progress.say, thing="study"):
        found = Study(
            _storage(folder), name, words, defaults, facts=facts, run=jobs.new_name(site, "tune", model), seed=seed
        )
        work = TrialJobs(site, found.run, replace(request, kind="tune"), signal)
        tuner = Tuner(found, work, budget, _machine(site, budget), parallel=parallel, progress=progress)
        progress.say(f"Study {name}: {_told(found, budget)} Ctrl-C stops its jobs; the same command goes on.")
        over = tuner.run()
        return reported(site, found, work, model, recipe, budget, over.reason, folder)


def _told(study: Study, budget: Budget) -> str:
    known = len(study.trials())
    told = f"{known} trials are known, and" if known else ""
    most = f"{budget.trials} trials, {budget.hours:g} machine hours, ${budget.usd:g}"
    return f"{told} at most {most} in all.".strip()


def _folder(site: Site, name: str) -> Path:
    if not name.replace("-", "").replace("_", "").isalnum():
        raise CommandError(
            thing="--study",
            value=repr(name),
            rule="is no name for a folder",
            fix="use letters, digits, hyphens and underscores",
        )
    folder = site.workspace.folder(site.name) / "studies" / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _storage(folder: Path) -> "BaseStorage":
    import optuna

    return optuna.storages.get_storage(f"sqlite:///{folder / 'study.db'}")


def _machine(site: Site, budget: Budget) -> Machine:
    found = rules(site, most_usd=budget.usd)
    return Machine(hourly_usd=found.hourly_usd, most_seconds=found.most_seconds)
