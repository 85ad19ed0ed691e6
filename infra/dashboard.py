"""One page in CloudWatch for a region of an environment."""

import json
from collections.abc import Mapping, Sequence

from cdktf_cdktf_provider_aws.cloudwatch_dashboard import CloudwatchDashboard

from infra.naming import Names
from infra.spec import EndpointSpec
from infra.spec.contract import VARIANT_NAME
from infra.toolkit import Construct

_WIDE, _HIGH = 12, 6


class Dashboard(Construct):
    """A row for each endpoint: how much it is asked and how often it fails, and how long its answers take."""

    def __init__(self, scope: Construct, id: str, *, names: Names, endpoints: Sequence[EndpointSpec]) -> None:
        super().__init__(scope, id)
        widgets = [
            widget
            for row, endpoint in enumerate(endpoints)
            for widget in _widgets(names.regional(endpoint.name), names.region, row * _HIGH)
        ]
        CloudwatchDashboard(
            self,
            "dashboard",
            # Dashboards are global in an account: two regions of an environment have one each.
            dashboard_name=names.role("overview"),
            dashboard_body=json.dumps({"widgets": widgets}),
        )


def _widgets(endpoint: str, region: str, top: int) -> list[Mapping[str, object]]:
    of_endpoint = ["EndpointName", endpoint, "VariantName", VARIANT_NAME]
    calls = [
        ["AWS/SageMaker", metric, *of_endpoint]
        for metric in ("Invocations", "Invocation4XXErrors", "Invocation5XXErrors")
    ]
    times = [
        ["AWS/SageMaker", metric, *of_endpoint, {"stat": stat}]
        for metric in ("ModelLatency", "OverheadLatency")
        for stat in ("p50", "p99")
    ]
    return [
        _widget(f"{endpoint}: calls", region, calls, "Sum", 0, top),
        _widget(f"{endpoint}: microseconds", region, times, "p50", _WIDE, top),
    ]


def _widget(title: str, region: str, metrics: Sequence[object], stat: str, left: int, top: int) -> Mapping[str, object]:
    properties = {
        "title": title,
        "region": region,
        "metrics": metrics,
        "stat": stat,
        "period": 300,
        "view": "timeSeries",
    }
    return {"type": "metric", "x": left, "y": top, "width": _WIDE, "height": _HIGH, "properties": properties}
