"""What a study found: a value to print, to keep and to draw."""

import shlex
from collections.abc import Mapping
from pathlib import Path

from ci.result import Result
from ci.site import Site
from ci.tuning.budget import Budget
from ci.tuning.study import Study
from ci.tuning.trial_jobs import TrialJobs
from ci.tuning.trials import State, Trial
from ml.training.search import Value

# With fewer that completed, nothing can be said of what mattered.
LEAST_FOR_IMPORTANCE = 4


class TrialLine(Result):
    """One trial. `seconds` and `usd` of one that still runs are what it may take."""

    number: int
    job: str
    is_default: bool
    values: Mapping[str, Value]
    state: State
    reason: str
    accuracy: float | None
    seconds: float
    usd: float
    # Percent of the run done → how it did there, larger is better.
    rungs: Mapping[int, float]


class TuneResult(Result):
    """A study as far as it has come; `best` is a trial's number, None as long as none completed."""

    environment: str
    study: str
    model: str
    recipe: str
    trials: tuple[TrialLine, ...]
    best: int | None
    # The recipe's own values, and the simple rival on the same examples.
    default_accuracy: float | None
    baseline_accuracy: float | None
    # Trains with the best values.
    command: str | None
    # Field → its share in how well trials did; empty where too few completed.
    importance: Mapping[str, float]
    budget: Budget
    started: int
    hours: float
    usd: float
    # Why nothing more was started.
    ended: str
    plots: tuple[str, ...] = ()

    def line(self, number: int) -> TrialLine:
        """Return the trial of that number."""
        return next(line for line in self.trials if line.number == number)


def reported(
    site: Site, study: Study, work: TrialJobs, model: str, recipe: str, budget: Budget, ended: str, folder: Path
) -> TuneResult:
    """Read the study, draw it into `folder`, and return all that there is to tell."""
    from ci.tuning.plots import draw

    trials = study.trials()
    lines = tuple(_line(trial, work) for trial in trials)
    complete = [line for line in lines if line.accuracy is not None]
    best = max(complete, key=lambda line: (line.accuracy, -line.number), default=None)
    result = TuneResult(
        environment=site.name,
        study=study.name,
        model=model,
        recipe=recipe,
        trials=lines,
        best=best.number if best else None,
        default_accuracy=next((line.accuracy for line in complete if line.is_default), None),
        baseline_accuracy=next((found for trial in trials if (found := _baseline(trial)) is not None), None),
        command=_command(site, model, recipe, best) if best else None,
        importance=_importance(study, len(complete)),
        budget=budget,
        started=sum(trial.plan is not None for trial in trials),
        hours=sum(trial.seconds for trial in trials) / 3600,
        usd=sum(trial.usd for trial in trials),
        ended=ended,
    )
    return result.model_copy(update={"plots": tuple(map(str, draw(result, folder)))})


def _line(trial: Trial, work: TrialJobs) -> TrialLine:
    return TrialLine(
        number=trial.number,
        job=work.name(trial),
        is_default=trial.is_default,
        values=trial.values,
        state=trial.state,
        reason=trial.end.reason if trial.end else "",
        accuracy=trial.end.accuracy if trial.end and trial.state is State.COMPLETE else None,
        seconds=trial.seconds,
        usd=trial.usd,
        rungs=trial.rungs,
    )


def _baseline(trial: Trial) -> float | None:
    return trial.end.baseline_accuracy if trial.end else None


def _command(site: Site, model: str, recipe: str, best: TrialLine) -> str:
    changes = [f"--set {shlex.quote(f'{name}={value}')}" for name, value in best.values.items()]
    return " ".join(["groundplan", "train", site.name, model, "--recipe", recipe, *changes])


def _importance(study: Study, complete: int) -> dict[str, float]:
    if complete < LEAST_FOR_IMPORTANCE:
        return {}
    from optuna.importance import get_param_importances

    return get_param_importances(study.optuna)
