"""tune: better values of a recipe, found by trials on the platform."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ci.commands.options import AsJson, EnvironmentName, Home, ModelName, site

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ci.tuning.report import TrialLine, TuneResult


def tune(
    environment: EnvironmentName,
    model: ModelName,
    recipe: Annotated[str, typer.Option(metavar="NAME", help="The recipe whose fields to change.")] = "laptop",
    study: Annotated[
        str | None, typer.Option(metavar="NAME", help="A study to begin or to go on with; MODEL-RECIPE if not given.")
    ] = None,
    trials: Annotated[int, typer.Option(min=1, max=1000, help="Most trials, of all calls together.")] = 20,
    hours: Annotated[
        float, typer.Option("--most-hours", min=0.01, help="Most machine hours, of all trials together.")
    ] = 10,
    usd: Annotated[float, typer.Option("--most-usd", min=0.01, help="Most dollars, of all trials together.")] = 10,
    parallel: Annotated[int, typer.Option(min=1, max=100, help="How many trials run side by side.")] = 2,
    prune_by: Annotated[
        Literal["accuracy", "loss", "nothing"] | None,
        typer.Option(help="What stops a trial early; by default accuracy where it is measured on the way, else loss."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Where the drawing of values begins.")] = 1,
    json: AsJson = False,
    home: Home = None,
) -> None:
    """Look for better values of a recipe's fields, by training jobs within a budget that is never exceeded.

    Each trial is a training job; the model's `SEARCH` says where to look. Ctrl-C stops the jobs; the same command goes
    on, also after a crash. Exits with 1 when no trial completed.

    Example: groundplan tune local review_sentiment --recipe debug --trials 8 --parallel 2 --most-usd 1
    """
    from ci import console
    from ci.tuning.budget import Budget
    from ci.tuning.run import tune as tune_model

    result = tune_model(
        site(environment, home),
        model,
        recipe=recipe,
        budget=Budget(trials=trials, hours=hours, usd=usd),
        study=study,
        parallel=parallel,
        prune_by=prune_by,
        seed=seed,
        progress=console.terminal_progress(),
    )
    console.show(result, json, _told(result))
    raise typer.Exit(0 if result.best is not None else 1)


def _told(result: "TuneResult") -> "RenderableType":
    from rich.console import Group

    from ci import console

    names = list(result.trials[0].values) if result.trials else []
    columns = ("trial>", *(f"{name}>" for name in names), "accuracy>", "seconds>", "usd>", "state")
    table = console.table(*columns, rows=[_row(result, line) for line in result.trials])
    spent = f"{result.started} of {result.budget.trials} trials, {result.hours:.3f} of {result.budget.hours:g} hours, "
    spent += f"${result.usd:.4f} of ${result.budget.usd:g}"
    lines = [f"Spent {spent}; ended because {result.ended}."]
    if result.best is not None:
        lines.insert(0, _best(result))
        lines.append(f"Train with the best values: {result.command}")
    lines += [f"Plot: {plot}" for plot in result.plots]
    return Group(table, "", *lines)


def _row(result: "TuneResult", line: "TrialLine") -> tuple[object, ...]:
    from ci.tuning.tuner import shown

    state = f"{line.state}{f' at {max(line.rungs)} %' if line.state == 'pruned' and line.rungs else ''}"
    state += " (the recipe's own values)" if line.is_default else ""
    state += " ← best" if line.number == result.best else ""
    state += f": {line.reason.splitlines()[0][:80]}" if line.state == "failed" else ""
    accuracy = f"{line.accuracy:.4f}" if line.accuracy is not None else ""
    return line.number, *map(shown, line.values.values()), accuracy, f"{line.seconds:.0f}", f"{line.usd:.4f}", state


def _best(result: "TuneResult") -> str:
    best = result.line(result.best or 0)
    rivals = {"the recipe's own values": result.default_accuracy, "the simple baseline": result.baseline_accuracy}
    told = ", ".join(f"{name} {value:.4f}" for name, value in rivals.items() if value is not None)
    return f"Best: trial {best.number}, accuracy {best.accuracy:.4f}; {told}."
