"""drill: rehearsals of what goes wrong on the cloud."""

from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Annotated

import typer

from ci.commands.options import AsJson, Home, workspace

if TYPE_CHECKING:
    from rich.table import Table

    from ci.drill.spot import DrilledRun, DrillResult

drill = typer.Typer(help="Rehearse what goes wrong on the cloud, with the real code, on this machine.")


@drill.callback()
def group() -> None:
    """Rehearse what goes wrong on the cloud, with the real code, on this machine."""


@drill.command(short_help="Strike a training as a reclaimed spot machine is")
def spot(
    runs: Annotated[int, typer.Option(min=1, max=10_000, help="How many runs to strike.")] = 20,
    seed: Annotated[int, typer.Option(min=0, help="The first run's seed; each next one's is one more.")] = 1,
    plot: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw the runs into a .png, .svg or .pdf.")] = None,
    json: AsJson = False,
    home: Home = None,
) -> None:
    """Strike a small real training run at seeded moments, as a reclaimed spot machine would be, and see it recover.

    Exits with 1 when a run lost more steps than it may, loaded a half-written checkpoint, or ended with other weights.

    Example: groundplan drill spot --runs 100 --seed 7 --plot drill.png
    """
    from ci import console
    from ci.drill import picture
    from ci.drill.spot import drill as drill_spot
    from ci.report import curves

    if plot:
        curves.check(plot)
    result = drill_spot(workspace(home), runs=runs, seed=seed, progress=console.terminal_progress())
    if plot:
        picture.draw(result, plot)
    console.show(result, json, _table(result))
    raise typer.Exit(0 if result.sound else 1)


@drill.command(short_help="Train by every launcher, and see all end alike")
def launchers(
    processes: Annotated[
        int | None,
        typer.Option(min=1, max=2, metavar="COUNT", help="Only the launchers by which so many share the work: 1 or 2."),
    ] = None,
    json: AsJson = False,
) -> None:
    """Train one recipe with one seed by every launcher, strike some of the runs, and see that all end alike.

    Shell, torchrun, SageMaker, Batch on one machine and on two, Ray Train: real ones, on this machine. Exits with 1
    when runs of as many processes ended otherwise, or one that was struck did not go on by itself.

    Example: groundplan drill launchers
    """
    from ci import console
    from ci.drill.launchers import drill as drill_launchers

    which = (1, 2) if processes is None else (processes,)
    result = drill_launchers(processes=which, progress=console.terminal_progress())
    rows = [
        (one.launcher, one.processes, one.struck, one.resumed_at or "", f"{one.loss:.6f}", f"{one.accuracy:.4f}",
         f"{one.seconds:.1f}", one.weights_sha256[:12])
        for one in result.runs
    ]  # fmt: skip
    columns = ("launcher", "processes>", "struck", "went on at step>", "loss>", "accuracy>", "seconds>", "weights")
    console.show(result, json, console.table(*columns, rows=rows))
    raise typer.Exit(0 if result.sound else 1)


@drill.command(short_help="Release good and bad models under load, and see the bad ones go back")
def release(
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="KIND", help="good, slow, wrong or crashing; repeatable.")
    ] = None,
    bake: Annotated[int, typer.Option(min=3, max=600, metavar="SECONDS", help="How long each step bakes.")] = 15,
    plots: Annotated[
        Path | None, typer.Option(file_okay=False, metavar="FOLDER", help="Draw each release into a picture there.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Release a good, a slow, a wrong and a crashing model to an endpoint that is called all the time.

    Exits with 1 when the good one does not arrive, a bad one does, or the client sees a failure of the first three.

    Example: groundplan drill release --plots out/releases
    """
    from ci import console
    from ci.drill import release as drilled
    from ci.drill import release_picture

    result = drilled.drill(drilled.canary(bake), kinds=drilled.kinds(only), progress=console.terminal_progress())
    for one in result.releases if plots else ():
        release_picture.draw(one, drilled.PROMISED_MS, Path(plots or "") / f"{one.kind}.png")
    rows = [
        (one.kind, one.phase, one.requests, one.failed, one.seconds, _or_none(one.looks_to_breach),
         _or_none(one.first_to_last_seconds), _or_none(one.breach_to_last_seconds), one.reason)
        for one in result.releases
    ]  # fmt: skip
    columns = ("release", "ended", "calls>", "failed>", "seconds>", "looks to breach>", "bad seconds>",
               "after breach>", "why")  # fmt: skip
    console.show(result, json, console.table(*columns, rows=rows))
    raise typer.Exit(0 if result.sound else 1)


def _or_none(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def _table(result: "DrillResult") -> "Table":
    from ci import console

    rows = [_row(phase, [run for run in result.runs if run.phase == phase]) for phase in result.phases]
    lost = ("runs>", "most steps lost>", "half-written left>", "loaded>", "same weights>", "seconds lost>")
    return console.table("struck in", *lost, "saved on demand>", rows=[*rows, _row("all", list(result.runs))])


def _row(name: str, runs: "list[DrilledRun]") -> tuple[object, ...]:
    if not runs:
        return name, 0, *[""] * 6
    lost = f"{max(run.lost_steps for run in runs)} of {runs[0].checkpoint_interval}"
    left, loaded = (sum(run.half_written for run in runs), sum(run.half_written_loaded for run in runs))
    same = f"{sum(run.bit_identical for run in runs)} of {len(runs)}"
    seconds = f"{median(run.seconds_lost for run in runs):.1f}"
    return name, len(runs), lost, left, loaded, same, seconds, f"${sum(run.usd_saved for run in runs):.4f}"
