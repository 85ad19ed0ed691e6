"""One page, drawn twice: CloudWatch's and Grafana's dashboards show the same figures of the same things."""

from collections.abc import Iterator
from typing import Any

import pytest

import environments
from infra.dashboard import body
from infra.endpoint_signals import endpoint_signals
from infra.grafana import grafana
from infra.overview import overview
from infra.page import Metric, Page, Panel, Row, Series, numbered
from infra.spec import Async, EndpointSpec, RealTime, Serverless

Asked = tuple[str, str, str, tuple[tuple[str, str], ...], str]
PAGES = [overview(environments.load(name)) for name in environments.names()]
IDS = list(environments.names())


def charts(drawn: dict[str, Any]) -> list[dict[str, Any]]:
    return [widget["properties"] for widget in drawn["widgets"] if widget["type"] == "metric"]


def panels(drawn: dict[str, Any]) -> list[dict[str, Any]]:
    return [panel for panel in drawn["panels"] if panel["type"] != "row"]


def asked_of_cloudwatch(chart: dict[str, Any]) -> Iterator[Asked | tuple[str, str]]:
    for *path, settings in chart["metrics"]:
        if path:
            namespace, name, *dimensions = path
            pairs = tuple(zip(dimensions[::2], dimensions[1::2], strict=True))
            yield chart["region"], namespace, name, pairs, settings["stat"]
        else:
            yield settings["id"], settings["expression"]


def asked_of_grafana(panel: dict[str, Any]) -> Iterator[Asked | tuple[str, str]]:
    for target in panel["targets"]:
        if "expression" in target:
            yield target["id"], target["expression"]
        else:
            pairs = tuple((name, value) for name, (value,) in target["dimensions"].items())
            yield target["region"], target["namespace"], target["metricName"], pairs, target["statistic"]


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_both_show_the_same_figures_under_the_same_titles_and_bounds(page: Page) -> None:
    drawn = list(zip(charts(body(page)), panels(grafana(page)), strict=True))
    assert len(drawn) == sum(len(row.panels) for row in page.rows) > 0
    for chart, panel in drawn:
        assert chart["title"] == panel["title"]
        assert list(asked_of_cloudwatch(chart)) == list(asked_of_grafana(panel))
        bounds = [line["value"] for line in chart.get("annotations", {}).get("horizontal", [])]
        assert bounds == [step["value"] for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"][1:]]


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_grafana_finds_what_its_schema_asks_for(page: Page) -> None:
    drawn = grafana(page)
    ids = [panel["id"] for panel in drawn["panels"]]
    assert len(set(ids)) == len(ids)
    assert len(drawn["uid"]) <= 40
    variables = {f"${{{variable['name']}}}" for variable in drawn["templating"]["list"]}
    taken: set[tuple[int, int]] = set()
    for panel in drawn["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24
        assert not cells & taken, "two panels lie over each other"
        taken |= cells
    for panel in panels(drawn):
        refs = [target["refId"] for target in panel["targets"]]
        assert len(set(refs)) == len(refs)
        assert any(not target["hide"] for target in panel["targets"])
        for target in panel["targets"]:
            assert target["datasource"]["uid"] in variables
            assert target["id"][0].islower(), "CloudWatch wants ids that begin with a small letter"


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_a_chart_of_cloudwatch_fits_its_grid(page: Page) -> None:
    drawn = body(page)
    assert len(drawn["widgets"]) <= 500, "CloudWatch takes 500 widgets"
    assert all(widget["x"] + widget["width"] <= 24 for widget in drawn["widgets"])
    for chart in charts(drawn):
        ids = [line[-1]["id"] for line in chart["metrics"]]
        assert len(set(ids)) == len(ids) <= 500


@pytest.mark.parametrize(
    ("hosting", "unpublished"),
    [
        (Serverless(), {"CPUUtilizationNormalized", "InvocationsProcessed", "ApproximateAgeOfOldestRequest"}),
        (RealTime(), {"ServerlessConcurrentExecutionsUtilization", "InvocationsProcessed"}),
        (Async(), {"Invocations", "OverheadLatency", "ServerlessConcurrentExecutionsUtilization"}),
    ],
)
def test_an_endpoint_is_asked_for_what_aws_publishes_for_its_kind(hosting: Any, unpublished: set[str]) -> None:
    found = endpoint_signals(EndpointSpec(name="a", model="m", hosting=hosting), "groundplan-test-a")
    series = [found.failed_percent, found.typical, found.latency.series, found.saturation.series]
    names = {metric.name for line in series for metric in line.metrics.values()}
    assert not names & unpublished


def test_a_gpu_endpoint_is_as_busy_as_its_gpus() -> None:
    spec = EndpointSpec(name="a", model="m", hosting=RealTime(instance_type="ml.g5.xlarge"))
    (metric,) = endpoint_signals(spec, "a").saturation.series.metrics.values()
    assert metric.name == "GPUUtilizationNormalized"


def test_ids_of_two_lines_in_a_chart_do_not_meet() -> None:
    one = Series("one", {"x": Metric("N", "A", {}, "Sum")}, "IF(x > 1, x, 0)")
    two = Series("two", {"x": Metric("N", "B", {}, "Sum")}, "100 * x")
    page = Page("p", "P", (Row("r", (Panel("t", "count", "us-east-1", (one, two)),)),))
    ((_, [(number, _)]),) = numbered(page)
    assert number == 1
    lines = [line[-1] for line in charts(body(page))[0]["metrics"]]
    expressions = [line["expression"] for line in lines if "expression" in line]
    assert expressions == ["IF(a_x > 1, a_x, 0)", "100 * b_x"]
