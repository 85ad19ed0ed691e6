"""Grafana's dashboard JSON as a picture: its grid, titles, units, thresholds and legends, in its dark colours.

Grafana itself comes from no package registry. What is drawn here is read from the JSON alone, so a panel that is
wrong in it looks wrong. matplotlib is imported by the functions: `groundplan --help` never pays for it.
"""

import io
import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Points = Sequence[tuple[datetime, float]]
Lines = Mapping[str, Points]

_PAGE, _PANEL, _INK, _FAINT, _GRID = "#111217", "#181b1f", "#d8d9da", "#8e9197", "#2c3036"
_COLOURS = ("#73bf69", "#f2cc0c", "#8ab8ff", "#ff9830", "#b877d9", "#ff7383")
_THRESHOLD = "#e02f44"
_CELL_WIDE, _CELL_HIGH, _TITLE_HIGH = 0.62, 0.36, 0.75
_GAP = 0.06
_SPANS = ((86400, "days"), (3600, "hours"), (60, "min"))


def png(drawn: Mapping[str, Any], lines: Mapping[int, Lines], start: datetime, end: datetime) -> bytes:
    """Return the page with `lines`, panel id → label → points, between two moments."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in drawn["panels"])
    wide, high = 24 * _CELL_WIDE, rows * _CELL_HIGH + _TITLE_HIGH
    figure = Figure(figsize=(wide, high), dpi=110, facecolor=_PAGE)
    FigureCanvasAgg(figure)
    figure.text(0.008, 1 - 0.45 / high, drawn["title"], color=_INK, fontsize=15, fontweight="bold", va="center")
    span = f"{start:%Y-%m-%d %H:%M} to {end:%H:%M} UTC"
    figure.text(0.992, 1 - 0.45 / high, span, color=_FAINT, fontsize=10, va="center", ha="right")
    for panel in drawn["panels"]:
        place = panel["gridPos"]
        top = 1 - (_TITLE_HIGH + place["y"] * _CELL_HIGH) / high
        if panel["type"] == "row":
            middle = top - place["h"] * _CELL_HIGH / high / 2
            figure.text(0.008, middle, f"▾ {panel['title']}", color=_INK, fontsize=11, va="center")
            continue
        left, bottom = place["x"] / 24, top - place["h"] * _CELL_HIGH / high
        box = (
            left + _GAP / wide,
            bottom + _GAP / high,
            place["w"] / 24 - 2 * _GAP / wide,
            place["h"] * _CELL_HIGH / high - 2 * _GAP / high,
        )
        _frame(figure, box)
        _chart(figure, box, (wide, high), panel, lines[panel["id"]], (start, end))
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", facecolor=_PAGE)
    return buffer.getvalue()


def _frame(figure: Any, box: tuple[float, float, float, float]) -> None:
    from matplotlib.patches import Rectangle

    left, bottom, wide, high = box
    frame = Rectangle(
        (left, bottom),
        wide,
        high,
        transform=figure.transFigure,
        facecolor=_PANEL,
        edgecolor=_GRID,
        linewidth=0.8,
        zorder=-2,
    )
    figure.add_artist(frame)


def _chart(
    figure: Any,
    box: tuple[float, float, float, float],
    page: tuple[float, float],
    panel: Mapping[str, Any],
    lines: Lines,
    span: tuple[datetime, datetime],
) -> None:
    left, bottom, wide, high = box
    inches_wide, inches_high = page
    figure.text(
        left + 0.12 / inches_wide, bottom + high - 0.19 / inches_high, panel["title"],
        color=_INK, fontsize=9.5, fontweight="bold", va="center",
    )  # fmt: skip
    axes: Axes = figure.add_axes(
        (
            left + 0.62 / inches_wide,
            bottom + 0.62 / inches_high,
            wide - 0.78 / inches_wide,
            high - 1.02 / inches_high,
        ),
        facecolor=_PANEL,
    )
    _style(axes, panel, span)
    custom = panel["fieldConfig"]["defaults"]["custom"]
    for index, (colour, (label, points)) in enumerate(zip(_COLOURS, lines.items(), strict=False)):
        if custom["drawStyle"] == "bars":
            _bars(axes, label, points, colour, index / max(1, len(lines)), span)
        else:
            _line(axes, label, _broken(points, custom["spanNulls"] / 1000), colour)
    _threshold(axes, panel, lines)
    if not any(lines.values()):
        axes.text(0.5, 0.5, "No data", transform=axes.transAxes, color=_FAINT, ha="center", va="center", fontsize=10)
    if lines:
        place: dict[str, Any] = {
            "loc": "upper left",
            "bbox_to_anchor": (-0.02, -0.16),
            "borderpad": 0,
            "borderaxespad": 0,
        }
        look: dict[str, Any] = {
            "frameon": False,
            "fontsize": 7.5,
            "labelcolor": _FAINT,
            "handlelength": 1.2,
            "columnspacing": 1.2,
        }
        axes.legend(ncols=4, **place, **look)


def _style(axes: "Axes", panel: Mapping[str, Any], span: tuple[datetime, datetime]) -> None:
    from matplotlib.dates import AutoDateLocator, DateFormatter
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    unit = panel["fieldConfig"]["defaults"]["unit"]
    axes.set_xlim(span)  # type: ignore[arg-type]  # matplotlib takes moments
    axes.xaxis.set_major_locator(AutoDateLocator(minticks=3, maxticks=5))  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_formatter(DateFormatter("%H:%M"))  # type: ignore[no-untyped-call]
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=unit == "short"))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: in_unit(value, unit)))
    axes.tick_params(colors=_FAINT, labelsize=7.5, length=0)
    axes.grid(color=_GRID, linewidth=0.6)
    for side in axes.spines.values():
        side.set_visible(False)


def _line(axes: "Axes", label: str, points: Points, colour: str) -> None:
    moments = [moment for moment, _ in points]
    values = [value for _, value in points]
    axes.plot(moments, values, color=colour, linewidth=1.6, label=label, marker="o", markersize=2.2)  # type: ignore[arg-type]
    axes.fill_between(moments, values, color=colour, alpha=0.1, linewidth=0)  # type: ignore[arg-type]


def _broken(points: Points, seconds: float) -> Points:
    """Break a line where nothing was measured for longer than `seconds`, as Grafana's `spanNulls` does."""
    whole: list[tuple[datetime, float]] = []
    for moment, value in points:
        if whole and (moment - whole[-1][0]).total_seconds() > seconds:
            whole.append((whole[-1][0], math.nan))
        whole.append((moment, value))
    return whole


def _bars(axes: "Axes", label: str, points: Points, colour: str, place: float, span: tuple[datetime, datetime]) -> None:
    """Bars of several lines side by side: what happened at once must be seen at once."""
    # A figure stands for a minute at least.
    slot = max((span[1] - span[0]) / 90, timedelta(minutes=1))
    # A line without a point has a bar of no height, for its colour in the legend.
    shown = points or [(span[0], 0.0)]
    moments = [moment + slot * (place - 0.5) for moment, _ in shown]
    values = [value for _, value in shown]
    axes.bar(moments, values, width=slot * 0.3, color=colour, label=label)  # type: ignore[arg-type]


def _threshold(axes: "Axes", panel: Mapping[str, Any], lines: Lines) -> None:
    """Keep the promise in sight: a line that is far below it should look so."""
    steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    bounds = [step["value"] for step in steps if step["value"] is not None]
    highest = max((value for points in lines.values() for _, value in points), default=0.0)
    for bound in bounds:
        axes.axhline(bound, color=_THRESHOLD, linewidth=1.1, linestyle=(0, (5, 3)))
    axes.set_ylim(0, max([highest * 1.15, *(bound * 1.15 for bound in bounds)]) or 1)


def in_unit(value: float, unit: str) -> str:
    """Write a figure as Grafana does in its `unit`: 1200 ms are 1.2 s."""
    if unit == "percent":
        return f"{value:g}%"
    if unit == "ms":
        return f"{value / 1000:g} s" if value >= 1000 else f"{value:g} ms"
    if unit == "s":
        size, name = next((one for one in _SPANS if value >= one[0]), (1, "s"))
        return f"{value / size:.3g} {name}"
    return f"{value / 1000:g} K" if value >= 1000 else f"{value:g}"
