"""The dashboard as a file and as a picture."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import environments
from ci import dashboard
from ci.report.dashboard import in_unit, png
from ci.site import Site
from ci.workspace import Workspace
from infra.grafana import grafana
from infra.overview import overview

END = datetime(2026, 1, 1, 12, tzinfo=UTC)
START = END - timedelta(hours=3)


class CloudWatch:
    """Answers every line with three points, and remembers what was asked."""

    def __init__(self) -> None:
        self.asked: list[Sequence[dict[str, Any]]] = []

    def get_metric_data(self, *, MetricDataQueries: Any, **_: Any) -> dict[str, Any]:  # noqa: N803
        self.asked.append(MetricDataQueries)
        moments = [START + timedelta(minutes=minute) for minute in (10, 20, 170)]
        shown = [query["Label"] for query in MetricDataQueries if query["ReturnData"]]
        return {
            "MetricDataResults": [{"Label": label, "Timestamps": moments, "Values": [1.0, 2.0, 3.0]} for label in shown]
        }


class Elsewhere(Site):
    """A site whose CloudWatch is not there."""

    def client(self, service: str, region: str | None = None) -> Any:
        return CLOUDWATCH


CLOUDWATCH = CloudWatch()


def test_the_file_is_what_grafana_imports(tmp_path: Path) -> None:
    result = dashboard.write(environments.load("prod"), tmp_path / "deep" / "prod.json")
    drawn = json.loads(result.file.read_text())
    assert result.panels == len(dashboard.charts(drawn)) > 20
    assert drawn["templating"]["list"][0]["query"] == "cloudwatch"


def test_the_picture_asks_cloudwatch_for_what_grafana_would(tmp_path: Path) -> None:
    site = Elsewhere(environments.load("local"), Workspace(), None)
    dashboard.draw(site, tmp_path / "local.png", minutes=180)
    assert (tmp_path / "local.png").read_bytes().startswith(b"\x89PNG")
    panels = dashboard.charts(grafana(overview(site.environment)))
    assert len(CLOUDWATCH.asked) == len(panels)
    for panel, queries in zip(panels, CLOUDWATCH.asked, strict=True):
        assert [query["Id"] for query in queries] == [target["id"] for target in panel["targets"]]
        assert all(("Expression" in query) != ("MetricStat" in query) for query in queries)


def test_figures_change_the_picture() -> None:
    drawn = grafana(overview(environments.load("local")))
    empty: dict[int, dict[str, Any]] = {panel["id"]: {} for panel in dashboard.charts(drawn)}
    first = next(iter(empty))
    assert png(drawn, empty, START, END) != png(drawn, empty | {first: {"calls": [(END, 9.0)]}}, START, END)


def test_units_are_written_as_people_read_them() -> None:
    told = [in_unit(1200, "ms"), in_unit(90, "s"), in_unit(0.5, "percent"), in_unit(1500, "short"), in_unit(3, "short")]
    assert told == ["1.2 s", "1.5 min", "0.5%", "1.5 K", "3"]
    assert [in_unit(seconds, "s") for seconds in (30, 5000, 7200, 259_200)] == [
        "30 s",
        "1.39 hours",
        "2 hours",
        "3 days",
    ]


def test_a_chart_of_what_never_happened_is_drawn_too() -> None:
    drawn = grafana(overview(environments.load("local")))
    nothing: dict[int, dict[str, Any]] = {
        panel["id"]: {target["label"]: [] for target in panel["targets"]} for panel in dashboard.charts(drawn)
    }
    assert png(drawn, nothing, START, END).startswith(b"\x89PNG")
