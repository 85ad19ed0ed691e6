"""The dashboard of an environment: its Grafana JSON, and a picture of it with the figures that CloudWatch has now."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ci.result import Result
from ci.site import Site
from infra.grafana import grafana
from infra.overview import overview
from infra.spec import Environment

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient

# GetMetricData takes 500 queries; a panel has a handful.
PERIODS_IN_A_PICTURE = 90


class DashboardResult(Result):
    """Where the Grafana JSON lies, and the picture if one was asked for."""

    environment: str
    panels: int
    file: Path
    picture: Path | None = None


def write(environment: Environment, file: Path) -> DashboardResult:
    """Write the JSON that Grafana imports."""
    drawn = grafana(overview(environment))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(drawn, indent=2) + "\n")
    return DashboardResult(environment=environment.name, panels=len(charts(drawn)), file=file)


def draw(site: Site, picture: Path, *, minutes: int) -> None:
    """Draw the page as Grafana would, over the last `minutes`: from the same JSON, which must then be right."""
    from ci.report.dashboard import png

    drawn = grafana(overview(site.environment))
    end = datetime.now(UTC).replace(microsecond=0)
    lines = {panel["id"]: figures(site, panel, end - timedelta(minutes=minutes), end) for panel in charts(drawn)}
    picture.parent.mkdir(parents=True, exist_ok=True)
    picture.write_bytes(png(drawn, lines, end - timedelta(minutes=minutes), end))


def charts(drawn: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the panels that show figures."""
    return [panel for panel in drawn["panels"] if panel["type"] == "timeseries"]


def figures(
    site: Site, panel: dict[str, Any], start: datetime, end: datetime
) -> dict[str, list[tuple[datetime, float]]]:
    """Ask CloudWatch what Grafana's data source would ask for a panel: label → its points."""
    period = max(60, int((end - start).total_seconds() / PERIODS_IN_A_PICTURE) // 60 * 60)
    targets = panel["targets"]
    cloudwatch: CloudWatchClient = site.client("cloudwatch", targets[0]["region"])
    found = cloudwatch.get_metric_data(
        MetricDataQueries=[_query(target, period) for target in targets],
        StartTime=start,
        EndTime=end,
        ScanBy="TimestampAscending",
    )
    return {
        result["Label"]: list(zip(result["Timestamps"], result["Values"], strict=True))
        for result in found["MetricDataResults"]
    }


def _query(target: dict[str, Any], period_seconds: int) -> Any:
    asked = {"Id": target["id"], "Label": target["label"], "ReturnData": not target["hide"]}
    if "expression" in target:
        return asked | {"Expression": target["expression"]}
    dimensions = [{"Name": name, "Value": value} for name, (value,) in target["dimensions"].items()]
    metric = {"Namespace": target["namespace"], "MetricName": target["metricName"], "Dimensions": dimensions}
    return asked | {"MetricStat": {"Metric": metric, "Period": period_seconds, "Stat": target["statistic"]}}
