"""What CloudWatch counted of a variant's calls, and which of an endpoint's alarms are raised."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ci.traffic.evidence import LATENCY_PARTS, Evidence

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient

# The finest that SageMaker's metrics have.
PERIOD_SECONDS = 60
COUNTS = {"requests": "Invocations", "failed": "Invocation5XXErrors", "refused": "Invocation4XXErrors"}
# Raised whenever an async endpoint sleeps and is asked (infra/endpoint_scaling.py): that is no trouble.
NO_TROUBLE = ("-asleep",)
# An alarm in the rule of one over several, by its name or at the end of its ARN.
NAMED = re.compile(r'\(\s*"?(?:[^"()\s]*:alarm:)?([^"():\s]+)"?\s*\)')


def evidence(
    cloudwatch: "CloudWatchClient", endpoint: str, variant: str, *, latency_ms: float, begin: float, end: float
) -> Evidence:
    """Return the sums of a variant's calls in a span of seconds since 1970."""
    dimensions = [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": variant}]
    wanted = {name: (metric, "Sum") for name, metric in COUNTS.items()} | {"timed": ("ModelLatency", "SampleCount")}
    for place, part in enumerate(LATENCY_PARTS):
        # In microseconds; the rank is the percentage of calls up to there.
        wanted[f"within_{place}"] = ("ModelLatency", f"PR(:{part * latency_ms * 1000:.0f})")
    queries: Any = [_query(name, metric, stat, dimensions) for name, (metric, stat) in wanted.items()]
    lines: dict[str, dict[datetime, float]] = {name: {} for name in wanted}
    for page in cloudwatch.get_paginator("get_metric_data").paginate(
        MetricDataQueries=queries, StartTime=_moment(begin), EndTime=_moment(end + 1)
    ):
        for result in page["MetricDataResults"]:
            lines[result["Id"]] |= dict(zip(result["Timestamps"], result["Values"], strict=True))
    slower = tuple(
        round(sum(count * (1 - lines[f"within_{place}"].get(at, 100) / 100) for at, count in lines["timed"].items()))
        for place in range(len(LATENCY_PARTS))
    )
    sums = {name: round(sum(lines[name].values())) for name in (*COUNTS, "timed")}
    # They are added up one after the other while calls go on; whatever failed was asked.
    sums["requests"] = max(sums["requests"], sums["failed"] + sums["refused"])
    return Evidence(slower=slower, **sums)


def raised_alarms(cloudwatch: "CloudWatchClient", endpoint: str) -> tuple[str, ...]:
    """Return the names of the endpoint's alarms that are raised; what is part of one over several speaks through it."""
    pages: Any = cloudwatch.get_paginator("describe_alarms").paginate(
        AlarmNamePrefix=f"{endpoint}-", AlarmTypes=["MetricAlarm", "CompositeAlarm"]
    )
    kinds = ("MetricAlarms", "CompositeAlarms")
    found: list[Any] = [alarm for page in pages for kind in kinds for alarm in page.get(kind, ())]
    # Another endpoint may have this one's name and more; an alarm over others has no dimensions but theirs.
    dimension = {"Name": "EndpointName", "Value": endpoint}
    ours = {alarm["AlarmName"] for alarm in found if dimension in _dimensions(alarm)}
    parts = {alarm["AlarmName"]: set(NAMED.findall(alarm.get("AlarmRule", ""))) for alarm in found}
    spoken_for = set[str]().union(*parts.values())
    raised = {alarm["AlarmName"] for alarm in found if alarm["StateValue"] == "ALARM"} - spoken_for
    named = sorted(name for name in raised if name in ours or parts[name] & ours)
    return tuple(name for name in named if not name.endswith(NO_TROUBLE))


def _dimensions(alarm: Any) -> Iterator[Any]:
    yield from alarm.get("Dimensions", ())
    for query in alarm.get("Metrics", ()):
        yield from query.get("MetricStat", {}).get("Metric", {}).get("Dimensions", ())


def _query(name: str, metric: str, stat: str, dimensions: list[dict[str, str]]) -> dict[str, Any]:
    what = {"Namespace": "AWS/SageMaker", "MetricName": metric, "Dimensions": dimensions}
    return {"Id": name, "MetricStat": {"Metric": what, "Period": PERIOD_SECONDS, "Stat": stat}}


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
