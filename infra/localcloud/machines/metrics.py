"""Numbers on their way to CloudWatch: collected without waiting, sent in batches."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

MOST_VALUES = 150
"""What CloudWatch takes in one datum; a busier interval is sent as its sum, count, least and greatest."""
MOST_DATA = 500

Dimensions = tuple[tuple[str, str], ...]
Key = tuple[str, str, Dimensions, str, str]


class MetricBuffer:
    """Values by region, namespace, dimensions, name and unit."""

    def __init__(self, client: Callable[[str, str], Any]) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._values: dict[Key, list[float]] = {}

    def add(self, region: str, namespace: str, dimensions: Dimensions, name: str, unit: str, value: float) -> None:
        """One observation, now."""
        with self._lock:
            self._values.setdefault((region, namespace, dimensions, name, unit), []).append(value)

    def flush(self) -> None:
        """Send what has come in since the last call."""
        with self._lock:
            values, self._values = self._values, {}
        batches: dict[tuple[str, str], list[dict[str, Any]]] = {}
        now = datetime.now(UTC)
        for (region, namespace, dimensions, name, unit), observed in values.items():
            datum = {
                "MetricName": name,
                "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions],
                "Timestamp": now,
                "Unit": unit,
                **_figures(observed),
            }
            batches.setdefault((region, namespace), []).append(datum)
        for (region, namespace), data in batches.items():
            for start in range(0, len(data), MOST_DATA):
                cloudwatch = self._client("cloudwatch", region)
                cloudwatch.put_metric_data(Namespace=namespace, MetricData=data[start : start + MOST_DATA])


def _figures(observed: list[float]) -> dict[str, Any]:
    if len(observed) <= MOST_VALUES:
        return {"Values": observed}
    return {
        "StatisticValues": {
            "SampleCount": len(observed),
            "Sum": sum(observed),
            "Minimum": min(observed),
            "Maximum": max(observed),
        }
    }
