"""drill: rehearsals of what goes wrong on the cloud."""

from collections import defaultdict
from statistics import median
from typing import TYPE_CHECKING, Annotated

import typer

from ci.commands.options import AsJson, Home, workspace

if TYPE_CHECKING:
    from rich.table import Table

    from ci.drill.spot import DrilledRun

drill = typer.Typer(help="Rehearse what goes wrong on the cloud, with the real code, on this machine.")


@drill.callback()
def group() -> None:
    """Rehearse what goes wrong on the cloud, with the real code, on this machine."""


@drill.command()
def spot(
    runs: Annotated[int, typer.Option(min=1, max=10_000, help="How many runs to strike.")] = 20,
    seed: Annotated[int, typer.Option(min=0, help="The first run's seed; each next one's is one more.")] = 1,
    json: AsJson = False,
    home: Home = None,
) -> None:
    """Strike a small real training run at seeded moments, as a reclaimed spot machine would be, and see it recover.

    Exits with 1 when a run lost more steps than lie between two checkpoints, or ended with other weights.

    Example: groundplan drill spot --runs 100 --seed 7
    """
    from ci import console
    from ci.drill.spot import drill as drill_spot

    result = drill_spot(workspace(home), runs=runs, seed=seed, progress=console.terminal_progress())
    console.show(result, json, _table(result.runs))
    raise typer.Exit(0 if result.sound else 1)


def _table(runs: "tuple[DrilledRun, ...]") -> "Table":
    from ci import console

    phases: dict[str, list[DrilledRun]] = defaultdict(list)
    for run in sorted(runs, key=lambda run: run.phase):
        phases[run.phase].append(run)
    rows = [_row(phase, found) for phase, found in phases.items()] + [_row("all", list(runs))]
    columns = ("struck in", "runs>", "most steps lost>", "same weights>", "seconds lost>", "saved on demand>")
    return console.table(*columns, rows=rows)


def _row(name: str, runs: "list[DrilledRun]") -> tuple[object, ...]:
    lost = f"{max(run.lost_steps for run in runs)} of {runs[0].checkpoint_interval}"
    same = f"{sum(run.bit_identical for run in runs)} of {len(runs)}"
    seconds = f"{median(run.seconds_lost for run in runs):.1f}"
    return name, len(runs), lost, same, seconds, f"${sum(run.usd_saved for run in runs):.4f}"
