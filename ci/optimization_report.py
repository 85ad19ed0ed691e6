"""What an optimization came to: a table with the gain of each step, and a plot of time against accuracy."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ci import console
from ci.report.plots import INK, PALETTE

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ci.optimize import OptimizeResult, StepLine

# Points of the plot, squared, of a file of a megabyte.
AREA_OF_A_MEGABYTE = 60
LEAST_AREA = 30


def table(result: "OptimizeResult") -> "RenderableType":
    """Return steps and packages with their figures, over all and by slice, and what was proven."""
    measured = (*result.steps, *result.packages)
    trained, served = result.steps[0], result.steps[-1]
    slices = [(kind, name) for kind, shares in served.slices.items() for name in shares]
    columns = ("step", "MB>", "p50 ms>", "p99 ms>", "p50 of 32>", "p99 of 32>", "per s>", "memory MB>", "accuracy>")
    steps = console.table(*columns, rows=[_row(line) for line in measured])
    by_slice = console.table(
        "slice",
        *(f"{line.step}>" for line in measured),
        rows=[(name, *(f"{line.slices[kind][name]:.4f}" for line in measured)) for kind, name in slices],
    )
    faster, smaller = trained.p50_ms / served.p50_ms, trained.bytes / served.bytes
    gained = 100 * (served.accuracy - trained.accuracy)
    lines = [
        f"{result.job}: {faster:.0f} times as fast, {smaller:.0f} times smaller, {gained:+.2f} points of accuracy, "
        f"{result.seconds} s",
        *(_proof(parity) for parity in result.report["parities"]),
        *(f"{package['file']}: {_proof(package['parity'])}" for package in result.report.get("packages", ())),
        *(f"left out: {one['package']}: {one['reason']}" for one in result.report.get("left_out", ())),
        f"Plot: {result.plot}",
        result.artifact,
    ]
    return console.stacked(steps, "", by_slice, "", *lines)


def _row(line: "StepLine") -> tuple[object, ...]:
    return (
        line.step,
        f"{line.bytes / 1e6:.3f}",
        f"{line.p50_ms:.3f}",
        f"{line.p99_ms:.3f}",
        f"{line.batch_p50_ms:.2f}",
        f"{line.batch_p99_ms:.2f}",
        f"{line.examples_per_second:.0f}",
        f"{line.memory_bytes / 1e6:.0f}",
        f"{line.accuracy:.4f}",
    )


def _proof(parity: dict[str, object]) -> str:
    told = f"Parity on {parity['samples']} held-out texts: {parity['unit']} differ by at most "
    told += f"{parity['max_abs_diff']:.2g}, {parity['tolerance']:.2g} allowed; "
    return f"{told}same label in {parity['label_agreement']:.2%}"


def draw(steps: Sequence["StepLine"], title: str, file: Path) -> Path:
    """Draw every step by its time and its accuracy, as large as its file; what no other step beats is joined."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogFormatter

    figure = Figure(figsize=(9.6, 4.2), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25, linewidth=0.6)
    axes.set_axisbelow(True)
    for number, line in enumerate(steps):
        area = LEAST_AREA + AREA_OF_A_MEGABYTE * line.bytes / 1e6
        place, colour = ([line.p50_ms], [line.accuracy]), PALETTE[number % len(PALETTE)]
        axes.scatter(*place, s=area, color=colour, alpha=0.5, linewidths=0)
        told = f"{line.step}: {line.p50_ms:.3f} ms, {line.bytes / 1e6:.2f} MB, {line.accuracy:.4f}"
        axes.plot(*place, "o", color=colour, markersize=5, label=told)
    best = front(steps)
    places = [line.p50_ms for line in best], [line.accuracy for line in best]
    axes.step(*places, where="post", color=INK, linewidth=1.0, linestyle="--", label="beaten by no other", zorder=0)
    axes.set_xscale("log")
    # "4", not "4 × 10⁰".
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(LogFormatter(minor_thresholds=(1, 0.5)))
    axes.margins(x=0.15, y=0.25)
    axes.set(xlabel="milliseconds for one example, median, one thread", ylabel="accuracy, mean over text domains")
    axes.set_title(f"{title}: points as large as files", loc="left", fontsize=10)
    axes.legend(frameon=False, fontsize=8.5, loc="center left", bbox_to_anchor=(1.01, 0.5))
    figure.savefig(file, dpi=150)
    return file


def front(steps: Sequence["StepLine"]) -> list["StepLine"]:
    """Return, the fastest first, the steps of which no other is both as fast and right more often."""
    found = list["StepLine"]()
    for line in sorted(steps, key=lambda line: (line.p50_ms, -line.accuracy)):
        if not found or line.accuracy > found[-1].accuracy:
            found.append(line)
    return found
