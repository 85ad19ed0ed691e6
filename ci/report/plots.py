"""The plots of the page, as inline SVG: no script, no network, sharp at any size.

matplotlib is imported by the functions, not by the module: `groundplan --help` never pays for it.
"""

import io
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ci.report.story import CurvePoint, ResourceSpan

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#5b6472"
PALETTE = ("#3b6fb6", "#2a9d8f", "#e9a23b", "#c8553d", "#7a5ea8", "#5b8c3a", "#a0616a", "#4f7d8c")


def _figure(width: float, height: float) -> "tuple[Figure, Axes]":
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with rc_context(
        {"font.size": 9, "axes.edgecolor": INK, "xtick.color": INK, "ytick.color": INK, "axes.labelcolor": INK}
    ):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_axisbelow(True)
        axes.grid(alpha=0.25, linewidth=0.6)
    return figure, axes


def _svg(figure: "Figure", label: str) -> str:
    """The figure's SVG element alone, scaled by the page, named for a screen reader."""
    from matplotlib import rc_context

    buffer = io.StringIO()
    # Text stays text (small, searchable), and ids depend on the figure alone, so that two renders are equal.
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": label}):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    element = buffer.getvalue()[buffer.getvalue().index("<svg") :]
    return re.sub(r'width="[\d.]+pt" height="[\d.]+pt"', f'role="img" aria-label="{label}"', element, count=1)


def training_curve(points: Sequence[CurvePoint]) -> str:
    """Loss by optimizer step, with its running mean over a tenth of the run."""
    import numpy as np

    figure, axes = _figure(6.2, 2.9)
    steps, losses = [point.step for point in points], np.array([point.loss for point in points])
    axes.plot(steps, losses, color=PALETTE[0], alpha=0.35, linewidth=1, label="each logged step")
    window = max(1, len(losses) // 10)
    smooth = np.convolve(losses, np.ones(window) / window, mode="valid")
    axes.plot(steps[window - 1 :], smooth, color=PALETTE[0], linewidth=2, label=f"mean of {window}")
    axes.set(xlabel="optimizer step", ylabel="cross-entropy (nats)", ylim=(0, None))
    axes.legend(frameon=False)
    return _svg(figure, "training curve")


def latency_histogram(latencies_ms: Sequence[float], p50_ms: float, p99_ms: float) -> str:
    """How long warm predictions took, with the median and the 99th percentile marked."""
    figure, axes = _figure(6.2, 2.9)
    axes.hist(latencies_ms, bins=40, color=PALETTE[1], alpha=0.85)
    for value, name in ((p50_ms, "p50"), (p99_ms, "p99")):
        axes.axvline(value, color=PALETTE[3], linewidth=1.2, linestyle="--")
        axes.annotate(
            f"{name} {value:.1f} ms",
            (value, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(0, 2),
            textcoords="offset points",
            ha="center",
            va="bottom",
            color=PALETTE[3],
        )
    axes.set(xlabel="milliseconds, client to client", ylabel="predictions")
    return _svg(figure, "latency histogram")


def deploy_timeline(spans: Sequence[ResourceSpan]) -> str:
    """Each resource as a bar in the order it was begun, coloured by its stack."""
    ordered = sorted(spans, key=lambda span: (span.started, span.address))
    stacks = list(dict.fromkeys(span.stack for span in ordered))
    colours = {stack: PALETTE[index % len(PALETTE)] for index, stack in enumerate(stacks)}
    figure, axes = _figure(12.8, 1.2 + 0.115 * len(ordered))
    for stack in stacks:
        rows = [(row, span) for row, span in enumerate(ordered) if span.stack == stack]
        axes.barh(
            [row for row, _ in rows],
            [max(span.ended - span.started, 0.15) for _, span in rows],
            left=[span.started for _, span in rows],
            height=0.8,
            color=colours[stack],
            label=stack,
        )
    slowest = sorted(range(len(ordered)), key=lambda row: ordered[row].started - ordered[row].ended)[:12]
    for row in slowest:
        axes.annotate(
            ordered[row].address,
            (ordered[row].ended, row),
            xytext=(3, 0),
            textcoords="offset points",
            va="center",
            fontsize=7,
            color=INK,
        )
    axes.set(xlabel="seconds since the deploy began", yticks=[], xlim=(0, None), ylim=(len(ordered), -1))
    axes.legend(frameon=False, loc="upper right")
    return _svg(figure, "deploy timeline")
