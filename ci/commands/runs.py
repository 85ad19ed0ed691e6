"""runs: training runs, read back."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ci.commands.options import AsJson, EnvironmentName, Home, site

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ci.runs import RunResult

runs = typer.Typer(help="Training runs: what each was, how two differ, the same once more.", no_args_is_help=True)

Job = Annotated[str, typer.Argument(metavar="RUN", help="A completed training job.")]
Plot = Annotated[Path | None, typer.Option(metavar="FILE", help="Draw the curve into this PNG or SVG file.")]


@runs.command("list", short_help="List training runs, the newest first")
def list_(
    environment: EnvironmentName,
    model: Annotated[str | None, typer.Option(metavar="MODEL", help="Only this model's.")] = None,
    json: AsJson = False,
    home: Home = None,
) -> None:
    """List an environment's training runs, the newest first.

    Example: groundplan runs list local --model review_sentiment
    """
    from ci import console
    from ci.runs import listed

    found = listed(site(environment, home), model=model)
    rows = [
        (run.job, run.model, run.recipe, run.place, run.state, run.created, run.seconds or "") for run in found.runs
    ]
    columns = ("run", "model", "recipe", "place", "state", "created", "seconds>")
    console.show(found, json, console.table(*columns, rows=rows) if rows else f"{environment}: no runs")


@runs.command(short_help="Show what a run was given and what came out")
def show(environment: EnvironmentName, run: Job, plot: Plot = None, json: AsJson = False, home: Home = None) -> None:
    """Show what a run was given and what came out; --plot draws its curve.

    Example: groundplan runs show local groundplan-local-review-sentiment-train-… --plot curve.png
    """
    from ci import console
    from ci.runs import show as read

    result = read(site(environment, home), run)
    _draw(plot, result)
    figures = {name: value for name, value in result.report.items() if name != "curve"}
    console.show(result, json, console.table("", "", rows=[*_rows(_brief(result.manifest)), *_rows(figures)]))


@runs.command(short_help="Show in what two runs differ")
def compare(
    environment: EnvironmentName,
    one: Job,
    other: Job,
    plot: Plot = None,
    json: AsJson = False,
    home: Home = None,
) -> None:
    """Show in what two runs differ; --plot draws both curves.

    Example: groundplan runs compare local RUN RUN --plot curves.svg
    """
    from ci import console
    from ci.runs import compare as both

    result = both(site(environment, home), one, other)
    _draw(plot, result.one, result.other)
    shown = [(name, *pair) for name, pair in result.differences.items() if ".curve." not in name]
    text = console.table("", one, other, rows=shown) if shown else "they differ in nothing"
    console.show(result, json, text)


@runs.command(short_help="Train again as a run did, and compare")
def reproduce(environment: EnvironmentName, run: Job, json: AsJson = False, home: Home = None) -> None:
    """Train again as a run did, and hold every figure against it; exits with 1 when one differs.

    Example: groundplan runs reproduce local RUN
    """
    from ci import console
    from ci.runs import check
    from ci.runs import reproduce as again

    result = again(site(environment, home), run, console.terminal_progress())
    if json or result.same:
        console.show(result, json, f"{result.again}: every figure is that of {result.original}")
    check(result)


@runs.command(short_help="Keep a run from nothing beside its model")
def record(environment: EnvironmentName, run: Job, json: AsJson = False, home: Home = None) -> None:
    """Keep a run from nothing beside its model, so that later runs on the same rows are read beside it; commit that.

    Example: groundplan runs record local RUN
    """
    from ci import console
    from ci.runs import record as keep

    result = keep(site(environment, home), run)
    console.show(result, json, f"{result.file}: {result.run['accuracy']:.4f} on data {result.run['data']}")


def _brief(manifest: "Mapping[str, Any]") -> "Mapping[str, Any]":
    """Return the manifest with a line for all shards of a split; --json has the hash of each."""
    splits: dict[str, list[int]] = {}
    for name, facts in manifest["data"]["files"].items():
        splits.setdefault(name.rpartition("-")[0] or name, []).append(facts["rows"])
    files = {name: f"{sum(rows)} rows in {len(rows)} shards" for name, rows in splits.items()}
    return {**manifest, "data": {**manifest["data"], "files": files}}


def _rows(values: "Mapping[str, Any]", at: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for name, value in values.items():
        rows += _rows(value, f"{at}{name}.") if isinstance(value, dict) else [(f"{at}{name}", value)]
    return rows


def _draw(file: Path | None, *results: "RunResult") -> None:
    if file:
        from ci.report.curves import draw

        draw({result.job: result.report["curve"] for result in results}, file)
