"""A study as pictures: how it went, trial by trial, and which fields mattered."""

from pathlib import Path
from typing import TYPE_CHECKING

from ci.report.plots import INK, PALETTE
from ci.tuning.trials import State

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ci.tuning.report import TuneResult

# With fewer, chance mattered as much.
MANY, FEW = 20, " (few: a hint, no more)"
BLUE, GREEN, AMBER, RED = PALETTE[0], PALETTE[1], PALETTE[2], PALETTE[3]


def draw(result: "TuneResult", folder: Path) -> list[Path]:
    """Draw what there is to see into PNG files and return them."""
    drawn = []
    if result.best is not None:
        drawn.append(_saved(_history(result), folder / "history.png"))
    if result.importance:
        drawn.append(_saved(_importance(result), folder / "importance.png"))
    return drawn


def _history(result: "TuneResult") -> "Figure":
    from matplotlib.ticker import MaxNLocator

    figure, axes = _figure(8, 4.2)
    complete = [(line.number, line.accuracy) for line in result.trials if line.accuracy is not None]
    numbers, accuracies = zip(*complete, strict=True)
    best = [max(accuracies[: position + 1]) for position in range(len(accuracies))]
    axes.step(numbers, best, where="post", color=BLUE, linewidth=1.6, label="best so far")
    axes.plot(numbers, accuracies, "o", color=BLUE, markersize=6, label="completed")
    axes.plot([result.best or 0], [best[-1]], "o", color=GREEN, markersize=11, zorder=0)
    for value, name, colour in (
        (result.default_accuracy, "the recipe's own values", AMBER),
        (result.baseline_accuracy, "simple baseline", RED),
    ):
        if value is not None:
            axes.axhline(value, color=colour, linewidth=1.2, linestyle="--", label=f"{name} {value:.3f}")
    for state, mark, name in ((State.PRUNED, "v", "stopped early"), (State.FAILED, "x", "failed")):
        if found := [line.number for line in result.trials if line.state is state]:
            floor = [0.03] * len(found)
            axes.plot(
                found,
                floor,
                mark,
                transform=axes.get_xaxis_transform(),
                color=INK,
                markersize=6,
                linestyle="none",
                label=name,
            )
    axes.set(xlabel="trial", ylabel="held-out accuracy")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.margins(y=0.15)
    axes.legend(frameon=False, fontsize=8.5, loc="center left", bbox_to_anchor=(1.01, 0.5))
    axes.set_title(f"{result.study}: {len(complete)} of {result.started} trials completed", loc="left", fontsize=10)
    return figure


def _importance(result: "TuneResult") -> "Figure":
    from matplotlib.ticker import PercentFormatter

    figure, axes = _figure(8, 1.0 + 0.38 * len(result.importance))
    names, shares = list(result.importance)[::-1], list(result.importance.values())[::-1]
    bars = axes.barh(names, shares, color=BLUE, height=0.62)
    axes.bar_label(bars, [f"{share:.0%}" for share in shares], padding=4, color=INK, fontsize=9)
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set(xlabel="share in what made trials better (PED-ANOVA)", xlim=(0, max(shares) * 1.12))
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
    complete = sum(line.accuracy is not None for line in result.trials)
    axes.set_title(
        f"{result.study}: what mattered, by {complete} trials{FEW if complete < MANY else ''}", loc="left", fontsize=10
    )
    return figure


def _figure(width: float, height: float) -> "tuple[Figure, Axes]":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25, linewidth=0.6)
    axes.set_axisbelow(True)
    return figure, axes


def _saved(figure: "Figure", file: Path) -> Path:
    figure.savefig(file, dpi=150)
    return file
