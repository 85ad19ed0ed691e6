"""A drilled release as a picture: who answered, how fast, and what the controller decided when."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ci.drill.release import DrilledRelease

COLOURS = {"old": "C0", "new": "C1", "nobody": "C3"}
NAMES = {"old": "answered by the old release", "new": "answered by the new release", "nobody": "failed"}
SPAN_SECONDS = 1.0


def draw(release: "DrilledRelease", promised_ms: float, file: Path) -> None:
    """Draw the shares of the calls above, each call's latency below, over the same seconds."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 6), layout="constrained")
    shares, latencies = figure.subplots(2, 1, sharex=True, height_ratios=(2, 3))
    _draw_shares(release, shares)
    _draw_latencies(release, promised_ms, latencies)
    ended = "arrived" if release.reason == "" else f"went back: {release.reason}"
    figure.suptitle(
        f"A {release.kind} release {ended}\n{release.failed} of {release.requests} calls failed", fontsize=11
    )
    figure.legend(*latencies.get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=150)


def _draw_shares(release: "DrilledRelease", axes: "Axes") -> None:
    axes.step(
        [look.at_seconds for look in release.looks],
        [look.percent for look in release.looks],
        where="post", color="black", linewidth=1.2, label="its weight",
    )  # fmt: skip
    last = int(release.calls[-1].at_seconds / SPAN_SECONDS)
    spans: list[list[str]] = [[] for _ in range(last + 1)]
    for call in release.calls:
        spans[int(call.at_seconds / SPAN_SECONDS)].append(call.by)
    bottom = [0.0] * len(spans)
    places = [(number + 0.5) * SPAN_SECONDS for number in range(len(spans))]
    for who in ("new", "nobody"):
        height = [100 * span.count(who) / max(1, len(span)) for span in spans]
        axes.bar(places, height, SPAN_SECONDS, bottom=bottom, color=COLOURS[who], alpha=0.6)
        bottom = [below + above for below, above in zip(bottom, height, strict=True)]
    axes.set(ylabel="percent of the calls\n(line: its weight)", ylim=(0, 104))
    _plain(axes)


def _draw_latencies(release: "DrilledRelease", promised_ms: float, axes: "Axes") -> None:
    for who, colour in COLOURS.items():
        calls = [call for call in release.calls if call.by == who]
        axes.scatter(
            [call.at_seconds for call in calls], [1000 * call.seconds for call in calls],
            s=7, alpha=0.5, color=colour, label=f"{NAMES[who]} ({len(calls)})", linewidths=0,
        )  # fmt: skip
    axes.axhline(promised_ms, color="grey", linestyle=":", linewidth=1, label=f"promised: {promised_ms:g} ms")
    axes.set(yscale="log", xlabel="seconds", ylabel="milliseconds of a call")
    highest = axes.get_ylim()[1]
    axes.set_ylim(top=highest * 12)
    for number, (at, what) in enumerate(release.told):
        axes.axvline(at, color="grey", linewidth=0.6)
        if not any(word in what for word in ("configuration", "of the calls")):
            words = what.split(", ")[0]
            axes.annotate(
                words, (at, highest * (1.5 + 2.2 * (number % 4))), (3, 0), textcoords="offset points", fontsize=7
            )
    _plain(axes)


def _plain(axes: "Axes") -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25, axis="y")
