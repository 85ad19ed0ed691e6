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

    from ml.evaluation.slices import Share

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
    axes.plot(steps[window - 1 :], smooth, color=PALETTE[0], linewidth=2, label=f"mean of {window} of them")
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
    """A row for each stack, in it each resource as a bar; the one that the stack waited for longest is named."""
    ordered = sorted(spans, key=lambda span: (span.started, span.address))
    stacks = list(dict.fromkeys(span.stack for span in ordered))
    figure, axes = _figure(12.8, 1.2 + 0.42 * len(stacks))
    for row, stack in enumerate(stacks):
        own = [span for span in ordered if span.stack == stack]
        lanes = _lanes(own)
        height = 0.8 / (max(lanes) + 1)
        axes.barh(
            [row - 0.4 + (lane + 0.5) * height for lane in lanes],
            [max(span.ended - span.started, 0.15) for span in own],
            left=[span.started for span in own],
            height=height * 0.9,
            color=PALETTE[row % len(PALETTE)],
        )
        # Reading another stack's state is no resource; a stack that only reads has nothing else to name.
        made = [span for span in own if not span.address.startswith("data.")] or own
        longest = max(made, key=lambda span: span.ended - span.started)
        axes.annotate(
            longest.address,
            (max(span.ended for span in own), row),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=7,
            color=INK,
        )
    end = max((span.ended for span in ordered), default=1.0)
    # Room on the right for the name of what ended last.
    axes.set(xlabel="seconds since the deploy began", xlim=(0, 1.25 * end), ylim=(len(stacks) - 0.4, -0.6))
    axes.set_yticks(range(len(stacks)), stacks)
    return _svg(figure, "deploy timeline")


def cost_bars(parts: Sequence[tuple[str, float, float, float | None]]) -> str:
    """A row for each part: what it costs idle, at the limit, and at the limit before, in US dollars a month."""
    names = [name for name, *_ in parts]
    idle, worst = [part[1] for part in parts], [part[2] for part in parts]
    before = [(usd, row) for row, (*_, usd) in enumerate(parts) if usd is not None]
    figure, axes = _figure(10.5, 1.1 + 0.36 * len(parts))
    rows = range(len(parts))
    axes.barh(rows, worst, height=0.62, color=PALETTE[0], alpha=0.35, label="at the limit")
    axes.barh(rows, idle, height=0.62, color=PALETTE[0], label="idle")
    if before:
        if removed := [(usd, row) for usd, row in before if usd and not worst[row]]:
            usd, at = zip(*removed, strict=True)
            axes.barh(at, usd, height=0.62, fill=False, edgecolor=PALETTE[3], linestyle=":", label="removed")
        usd, at = zip(*before, strict=True)
        axes.scatter(usd, at, marker="|", s=160, color=PALETTE[3], linewidths=2, label="at the limit, before")
    axes.set(xlabel="US dollars a month", ylim=(len(parts) - 0.4, -0.6))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set_yticks(rows, names)
    axes.legend(frameon=False, loc="lower right")
    return _svg(figure, "cost by part")


def slice_shares(slices: "Sequence[tuple[str, str, Share]]", *, overall: float, least: float, least_rows: int) -> str:
    """A row for each slice: its share of right answers with whiskers of 95 %, beside all rows' and the gate's."""
    figure, axes = _figure(10.5, 1.1 + 0.3 * len(slices))
    for row, (_, _, share) in enumerate(slices):
        whiskers = [[share.share - share.least], [share.most - share.share]]
        alpha = 1.0 if share.rows >= least_rows else 0.35
        axes.errorbar([share.share], [row], xerr=whiskers, fmt="o", color=PALETTE[0], capsize=3, alpha=alpha)
    axes.axvline(overall, color=PALETTE[1], linewidth=1.2, label=f"all rows, {overall:.3f}")
    axes.axvline(least, color=PALETTE[3], linewidth=1.2, linestyle="--", label=f"the gate, {least:g}")
    names = [f"{slicing}: {name} ({share.rows})" for slicing, name, share in slices]
    axes.set(xlabel="share of right answers", ylim=(len(slices) - 0.4, -0.6))
    axes.set_yticks(range(len(slices)), names)
    axes.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    return _svg(figure, "right answers by slice")


def _lanes(spans: Sequence[ResourceSpan]) -> list[int]:
    """Give each span, in the order of their starts, the first lane in which nothing is under way any more."""
    free_from: list[float] = []
    chosen = []
    for span in spans:
        lane = next((lane for lane, free in enumerate(free_from) if free <= span.started), len(free_from))
        free_from[lane : lane + 1] = [span.ended]
        chosen.append(lane)
    return chosen
