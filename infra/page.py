"""A dashboard as plain values: what CloudWatch shows and what Grafana shows are both drawn from one page."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Unit = Literal["count", "percent", "milliseconds", "seconds"]


@dataclass(frozen=True)
class Metric:
    """Figures of CloudWatch, and how those of one period are put together: Sum, Average, Maximum, p99."""

    namespace: str
    name: str
    dimensions: Mapping[str, str]
    statistic: str


@dataclass(frozen=True)
class Series:
    """A line: one metric, or an `expression` over several by their ids, in CloudWatch's metric math."""

    label: str
    metrics: Mapping[str, Metric]
    expression: str = ""

    @classmethod
    def of(cls, label: str, metric: Metric) -> "Series":
        """Return the line of one metric as it is."""
        return cls(label, {"value": metric})


@dataclass(frozen=True)
class Panel:
    """A chart. `bound` is what the environment promises: a line that the others should stay under.

    Things that happen now and then, and leave no figure in between, are `rare`: bars, not lines.
    """

    title: str
    unit: Unit
    region: str
    series: tuple[Series, ...]
    bound: float | None = None
    rare: bool = False


@dataclass(frozen=True)
class Row:
    """Panels side by side about one thing."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class Page:
    """A whole dashboard."""

    name: str
    title: str
    rows: tuple[Row, ...] = field(default_factory=tuple)


def numbered(page: Page) -> list[tuple[Row, list[tuple[int, Panel]]]]:
    """Return the rows with a number for each panel, which is the same wherever the page is drawn."""
    rows, count = [], 0
    for row in page.rows:
        panels = list(enumerate(row.panels, start=count + 1))
        count += len(panels)
        rows.append((row, panels))
    return rows


def letters(index: int) -> str:
    """Return the prefix of a series' ids in its panel: ids must be unique in a chart, and begin with a small letter."""
    return "abcdefghijklmnopqrstuvwxyz"[index]


def in_panel(series: Series, index: int) -> tuple[dict[str, Metric], str]:
    """Return a series' metrics and expression with ids that are unique in its panel."""
    prefix = letters(index)
    renamed = {f"{prefix}_{id}": metric for id, metric in series.metrics.items()}
    expression = re.sub(
        r"\b[a-z]\w*\b", lambda word: f"{prefix}_{word[0]}" if word[0] in series.metrics else word[0], series.expression
    )
    return renamed, expression
