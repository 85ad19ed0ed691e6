"""The page of an environment in CloudWatch."""

import json
from collections.abc import Mapping
from typing import Any

from cdktf_cdktf_provider_aws.cloudwatch_dashboard import CloudwatchDashboard

from infra.page import Metric, Page, Panel, Unit, in_panel, numbered
from infra.toolkit import Construct

PERIOD_SECONDS = 300
_COLUMNS, _HIGH, _HEADING = 24, 6, 1
_AXES: Mapping[Unit, str] = {"count": "Count", "percent": "%", "milliseconds": "ms", "seconds": "s"}


class Dashboard(Construct):
    """The page, drawn for CloudWatch. Its dashboards are global in an account and show any region."""

    def __init__(self, scope: Construct, id: str, *, page: Page) -> None:
        super().__init__(scope, id)
        CloudwatchDashboard(self, "dashboard", dashboard_name=page.name, dashboard_body=json.dumps(body(page)))


def body(page: Page) -> dict[str, Any]:
    """Return the page as CloudWatch writes dashboards.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
    """
    widgets: list[dict[str, Any]] = []
    top = 0
    for row, panels in numbered(page):
        heading = {"markdown": f"## {row.title}", "background": "transparent"}
        widgets.append(_at(0, top, _COLUMNS, _HEADING, "text", heading))
        wide = _COLUMNS // len(panels)
        for column, (_, panel) in enumerate(panels):
            widgets.append(_at(column * wide, top + _HEADING, wide, _HIGH, "metric", _chart(panel)))
        top += _HEADING + _HIGH
    return {"start": "-PT3H", "periodOverride": "inherit", "widgets": widgets}


def _chart(panel: Panel) -> dict[str, Any]:
    chart: dict[str, Any] = {
        "title": panel.title,
        "region": panel.region,
        "view": "timeSeries",
        "stacked": panel.rare,
        "period": PERIOD_SECONDS,
        "metrics": [line for index in range(len(panel.series)) for line in _lines(panel, index)],
        "yAxis": {"left": {"min": 0, "label": _AXES[panel.unit], "showUnits": False}},
    }
    if panel.bound is not None:
        chart["annotations"] = {"horizontal": [{"label": "promised", "value": panel.bound, "color": "#d62728"}]}
    return chart


def _lines(panel: Panel, index: int) -> list[Any]:
    series = panel.series[index]
    metrics, expression = in_panel(series, index)
    hidden = bool(expression)
    lines: list[Any] = [_metric(id, metric, series.label, hidden=hidden) for id, metric in metrics.items()]
    if expression:
        lines.append([{"id": f"{next(iter(metrics))}_line", "expression": expression, "label": series.label}])
    return lines


def _metric(id: str, metric: Metric, label: str, *, hidden: bool) -> list[Any]:
    dimensions = [part for pair in metric.dimensions.items() for part in pair]
    settings = {"id": id, "stat": metric.statistic, **({"visible": False} if hidden else {"label": label})}
    return [metric.namespace, metric.name, *dimensions, settings]


def _at(left: int, top: int, wide: int, high: int, kind: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": kind, "x": left, "y": top, "width": wide, "height": high, "properties": properties}
