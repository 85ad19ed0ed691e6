"""train, optimize, predict: a model's way from data to answers, but for its release."""

import sys
from collections.abc import Sequence
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ci.commands.options import AsJson, EndpointName, EnvironmentName, Home, JobName, ModelName, site, workspace
from ci.commands.workflows import Output

if TYPE_CHECKING:
    from ci.planning.training import TrainingPlan
    from ci.train import TrainResult

Place = Annotated[
    str,
    typer.Option(
        metavar="PLACE", help="Where: `sagemaker`, `batch:POOL` or `cluster:CLUSTER`, by its name in the environment."
    ),
]
MostUsd = Annotated[
    float | None, typer.Option(min=0.01, metavar="USD", help="Start again after reclaims, until this is spent.")
]
MostMinutes = Annotated[
    float | None, typer.Option(min=0.01, metavar="COUNT", help="Wait no longer for the job, which then goes on.")
]
BegunRun = Annotated[str | None, typer.Option(metavar="RUN", help="Take up a run that was begun with --most-usd.")]
Workers = Annotated[
    int, typer.Option(min=1, max=1000, metavar="COUNT", help="On a cluster: processes that share the work.")
]
Stream = Annotated[
    bool, typer.Option("--stream", help="Read the data from S3 while training, instead of copying it beforehand.")
]
Share = Annotated[str | None, typer.Option(metavar="NAME", help="Whose share of the pool, where it has fair shares.")]
PlanOnly = Annotated[
    bool, typer.Option("--plan", help="Train nothing: tell memory, time and dollars of a run beforehand.")
]
PlannedMachine = Annotated[
    str | None,
    typer.Option(metavar="NAME[:COUNT]", help="Plan: a pool or a type, and how many; by default the jobs' own."),
]
PlannedTokens = Annotated[
    float | None, typer.Option(min=1, metavar="COUNT", help="Plan: tokens in all, by default the data's: 2e9.")
]


def train(
    environment: EnvironmentName,
    model: ModelName,
    recipe: Annotated[str, typer.Option(metavar="NAME", help="One of the model's recipes.")] = "laptop",
    changes: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Change a field of the recipe; repeatable.")
    ] = None,
    on: Place = "sagemaker",
    share: Share = None,
    workers: Workers = 1,
    stream: Stream = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Follow the job to its end.")] = True,
    most_minutes: MostMinutes = None,
    most_usd: MostUsd = None,
    run: BegunRun = None,
    plan: PlanOnly = False,
    machine: PlannedMachine = None,
    tokens: PlannedTokens = None,
    output: Output = None,
    json: AsJson = False,
    home: Home = None,
) -> None:
    """Train a model on the platform and follow its log; Ctrl-C stops the job.

    Example: groundplan train local review_sentiment --recipe debug
    """
    from ci import console
    from ci.changes.markdown import write
    from ci.errors import CommandError
    from ci.train import train as train_model

    if plan:
        _show_plan(_planned(environment, model, recipe, pairs(changes or ()), machine, tokens, home), json)
        return
    if run and most_usd is None:
        raise CommandError(thing="train", value=f"--run {run}", rule="needs a budget", fix="add --most-usd USD")
    result = train_model(
        site(environment, home), model, recipe=recipe, changes=pairs(changes or ()), on=on, share=share,
        workers=workers, stream=stream, wait=wait, most_minutes=most_minutes, most_usd=most_usd, run=run,
        progress=console.terminal_progress(),
    )  # fmt: skip
    write(output, f"job={result.job}\n", add=True)
    console.show(result, json, _trained(environment, result))


def _trained(environment: str, result: "TrainResult") -> str:
    if result.accuracy is None or result.baseline_accuracy is None:
        return f"{result.job}: started; follow it: groundplan logs {environment} {result.job} --follow"
    scratch = (result.report or {}).get("from_scratch", {}).get("accuracy")
    figures = f"accuracy {result.accuracy:.4f}, baseline {result.baseline_accuracy:.4f}, "
    figures += f"from nothing {'unknown' if scratch is None else f'{scratch:.4f}'}, {result.seconds} s"
    if count := len(result.attempts):
        figures += f", ${result.usd:.4f} in {count} attempt{'s' * (count != 1)}"
    return f"{result.job}: {figures}\n{result.artifact}"


def _planned(
    name: str,
    model: str,
    recipe: str,
    changes: dict[str, str],
    machine: str | None,
    tokens: float | None,
    home: Path | None,
) -> "TrainingPlan":
    import environments
    from ci.planning.machines import chosen
    from ci.planning.training import plan

    found = environments.load(name)
    return plan(found, workspace(home), model, recipe, chosen(found, machine), changes=changes, tokens=tokens)


def _show_plan(planned: "TrainingPlan", json: bool) -> None:
    from ci import console
    from ci.planning.table import drawn

    console.show(planned, json, drawn(planned))


def optimize(
    environment: EnvironmentName,
    model: ModelName,
    recipe: Annotated[
        str, typer.Option(metavar="NAME", help="One of the model's `OPTIMIZATIONS`, or `exact`.")
    ] = "exact",
    job: JobName = None,
    most_minutes: MostMinutes = None,
    output: Output = None,
    json: AsJson = False,
    home: Home = None,
) -> None:
    """Turn a trained model into the one that is served, step by step, and prove what each step is worth.

    By default it is exported as it is. A recipe's packages are made beside it, for the machine that optimizes. Exits
    with 1 when a gate of the recipe refuses what was made.

    Example: groundplan optimize local review_sentiment --recipe small
    """
    from ci import console
    from ci.changes.markdown import write
    from ci.optimization_report import table
    from ci.optimize import optimize as optimize_model

    found, progress = site(environment, home), console.terminal_progress()
    result = optimize_model(found, model, recipe=recipe, job=job, most_minutes=most_minutes, progress=progress)
    write(output, f"job={result.job}\n", add=True)
    console.show(result, json, table(result))


def predict(
    environment: EnvironmentName,
    endpoint: EndpointName,
    texts: Annotated[list[str] | None, typer.Argument(metavar="TEXT", help="What to ask about.")] = None,
    file: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, metavar="FILE", help="A file with one text a line.")
    ] = None,
    json: AsJson = False,
    home: Home = None,
) -> None:
    """Ask an endpoint about texts: arguments, a file, or standard input, one a line.

    Example: groundplan predict local review-sentiment "A quiet, moving film."
    """
    from ci import console
    from ci.predict import predict as ask

    result = ask(site(environment, home), endpoint, [*(texts or ()), *_lines(file, given=bool(texts or file))])
    names = list(dict.fromkeys(name for found in result.predictions for name in found.answer))
    rows = [
        (*(_shown(found.answer.get(name)) for name in names), f"{found.milliseconds:.1f}", found.text)
        for found in result.predictions
    ]
    console.show(result, json, console.table(*names, "ms>", "text", rows=rows))


def _shown(value: object) -> str:
    """One value of an answer, whatever the model's handler puts there."""
    if isinstance(value, float):
        return f"{value:.4g}"
    return value if isinstance(value, str) else dumps(value, ensure_ascii=False)


def pairs(changes: Sequence[str]) -> dict[str, str]:
    """Return what `--set NAME=VALUE` says, however often it is given."""
    from ci.errors import CommandError

    found = {name: value for name, equals, value in (change.partition("=") for change in changes) if equals}
    if wrong := [change for change in changes if "=" not in change]:
        raise CommandError(thing="--set", value=wrong[0], rule="is not NAME=VALUE", fix="write learning_rate=3e-4")
    return found


def _lines(file: Path | None, *, given: bool) -> list[str]:
    if file:
        text = file.read_text()
    elif given or sys.stdin.isatty():
        return []
    else:
        text = sys.stdin.read()
    return [line.strip() for line in text.splitlines() if line.strip()]
