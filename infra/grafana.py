"""The page of an environment in Grafana: the JSON to import, over Grafana's own CloudWatch data source."""

from collections.abc import Mapping
from typing import Any

from infra.page import Metric, Page, Panel, Unit, in_panel, numbered

SCHEMA_VERSION = 39
"""Of Grafana 11; later ones read it and bring it up to date."""

_COLUMNS, _HIGH, _HEADING = 24, 8, 1
_UNITS: Mapping[Unit, str] = {"count": "short", "percent": "percent", "milliseconds": "ms", "seconds": "s"}
_SOURCE = {"type": "cloudwatch", "uid": "${source}"}


def grafana(page: Page) -> dict[str, Any]:
    """Return the page as Grafana's dashboard model.

    https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/
    """
    drawn: list[dict[str, Any]] = []
    top, last = 0, sum(len(row.panels) for row in page.rows)
    for number, (row, panels) in enumerate(numbered(page), start=1):
        place = {"x": 0, "y": top, "w": _COLUMNS, "h": _HEADING}
        drawn.append(
            {"id": last + number, "type": "row", "title": row.title, "collapsed": False, "gridPos": place, "panels": []}
        )
        wide = _COLUMNS // len(panels)
        for column, (id, panel) in enumerate(panels):
            place = {"x": column * wide, "y": top + _HEADING, "w": wide, "h": _HIGH}
            drawn.append(_chart(id, panel) | {"gridPos": place})
        top += _HEADING + _HIGH
    return {
        "uid": page.name[:40],
        "title": page.title,
        "tags": ["groundplan"],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": False,
        "refresh": "1m",
        "timezone": "browser",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {"list": [_source_variable()]},
        "annotations": {"list": []},
        "panels": drawn,
    }


def _source_variable() -> dict[str, Any]:
    """A menu of the Grafana's CloudWatch data sources: its name differs from one Grafana to the next."""
    return {
        "name": "source",
        "label": "Data source",
        "type": "datasource",
        "query": "cloudwatch",
        "current": {},
        "hide": 0,
        "refresh": 1,
    }


def _chart(id: int, panel: Panel) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if panel.bound is not None:
        steps.append({"color": "red", "value": panel.bound})
    return {
        "id": id,
        "type": "timeseries",
        "title": panel.title,
        "datasource": _SOURCE,
        "targets": [target for index in range(len(panel.series)) for target in _targets(panel, index)],
        "fieldConfig": {
            "defaults": {
                "unit": _UNITS[panel.unit],
                "min": 0,
                "custom": {
                    "drawStyle": "bars" if panel.rare else "line",
                    "lineWidth": 1 if panel.rare else 2,
                    "fillOpacity": 80 if panel.rare else 10,
                    "showPoints": "auto",
                    "spanNulls": 900_000,
                    "thresholdsStyle": {"mode": "off" if panel.bound is None else "dashed"},
                },
                "thresholds": {"mode": "absolute", "steps": steps},
            },
            "overrides": [],
        },
        "options": {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
    }


def _targets(panel: Panel, index: int) -> list[dict[str, Any]]:
    series = panel.series[index]
    metrics, expression = in_panel(series, index)
    hidden = bool(expression)
    targets = [_target(panel, id, metric, series.label, hide=hidden) for id, metric in metrics.items()]
    if expression:
        line = f"{next(iter(metrics))}_line"
        settings = {"metricEditorMode": 1, "expression": expression, "label": series.label, "hide": False}
        targets.append(_query(panel, line) | settings)
    return targets


def _target(panel: Panel, id: str, metric: Metric, label: str, *, hide: bool) -> dict[str, Any]:
    return _query(panel, id) | {
        "metricEditorMode": 0,
        "namespace": metric.namespace,
        "metricName": metric.name,
        "dimensions": {name: [value] for name, value in metric.dimensions.items()},
        "matchExact": True,
        "statistic": metric.statistic,
        "label": label,
        "hide": hide,
    }


def _query(panel: Panel, id: str) -> dict[str, Any]:
    return {
        "refId": id,
        "id": id,
        "datasource": _SOURCE,
        "queryMode": "Metrics",
        "metricQueryType": 0,
        "region": panel.region,
        "period": "",
    }
