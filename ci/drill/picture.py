"""A drill as a picture: when each run was struck, what it lost, and what that cost in time."""

import math
from pathlib import Path
from typing import TYPE_CHECKING

from ci.drill.strikes import KINDS
from ml.training.stop import PHASES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ci.drill.spot import DrilledRun, DrillResult

MARKERS = ("o", "s", "^", "x")


def draw(result: "DrillResult", file: Path) -> None:
    """Draw steps lost and seconds lost over the second at which each run was struck; one row a phase."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 5.5), layout="constrained")
    where, steps, seconds = figure.subplots(1, 3, sharey=True)
    interval = result.runs[0].checkpoint_interval
    for number, kind in enumerate(KINDS):
        runs = [run for run in result.runs if run.kind == kind]
        rows = [_row(run, number) for run in runs]
        for axes, values in (
            (where, [run.struck_at_seconds or math.nan for run in runs]),
            (steps, [run.lost_steps for run in runs]),
            (seconds, [run.seconds_lost for run in runs]),
        ):
            axes.scatter(values, rows, color=f"C{number}", marker=MARKERS[number], s=22, alpha=0.8, label=kind)
    counts = [sum(run.phase == phase for run in result.runs) for phase in PHASES]
    labels = [f"{phase} ({count})" for phase, count in zip(PHASES, counts, strict=True)]
    where.set(xlabel="struck after (s)", yticks=range(len(PHASES)), yticklabels=labels, ylim=(len(PHASES) - 0.5, -0.5))
    steps.axvline(interval, color="black", linestyle="--", linewidth=1)
    steps.set(xlabel=f"steps done again (dashed: the {interval} allowed)", xlim=(-0.4, interval + 0.6))
    seconds.set(xlabel="seconds lost")
    for axes in (where, steps, seconds):
        _plain(axes)
    same = sum(run.bit_identical for run in result.runs)
    figure.suptitle(f"{len(result.runs)} runs struck, {same} ended with the same weights, bit for bit")
    figure.legend(*where.get_legend_handles_labels(), loc="outside lower center", ncols=len(KINDS), frameon=False)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=150)


def _row(run: "DrilledRun", number: int) -> float:
    """Return a phase's row, each kind of strike a little below the one before, so that none hides another."""
    return PHASES.index(run.phase) + 0.18 * (number - (len(KINDS) - 1) / 2)


def _plain(axes: "Axes") -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25, axis="x")
