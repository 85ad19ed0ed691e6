"""Figures that AWS's services publish of themselves once a minute: Auto Scaling groups, queues, fleets of devices."""

import sys
import time
from collections.abc import Iterator
from typing import Any

from infra.localcloud.machines.site import Site

Figure = tuple[str, str, tuple[tuple[str, str], ...], str, float]
"""Region, namespace, dimensions, name, value."""


class Gauges:
    """One look at all of them after the other, on the ticker. Services that nobody has used yet are not loaded."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._due = 0.0
        site.ticker.add(self._tick)

    def _tick(self) -> None:
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + self._site.settings.metric_seconds
        for figures in (_groups(), _queues(), self._fleets()):
            for region, namespace, dimensions, name, value in figures:
                self._site.metrics.add(region, namespace, dimensions, name, "None", value)

    def _fleets(self) -> Iterator[Figure]:
        """Count the things that each fleet metric asks for."""
        cloud = self._site.cloud
        for service, kind, account, region, name in list(cloud.all_resources()):
            if (service, kind) == ("iot", "FleetMetric"):
                metric = cloud.resources(service, kind, account=account, region=region).get(name)
                if metric is not None:
                    found = cloud.client("iot", region).search_index(queryString=metric["queryString"])["things"]
                    yield region, "IoTFleetMetrics", (("AggregationType", "count"),), name, float(len(found))


def _groups() -> Iterator[Figure]:
    """Tell what each group was told to tell."""
    for region, backend in _backends("moto.autoscaling.models", "autoscaling_backends"):
        for group in list(backend.autoscaling_groups.values()):
            states = [one.lifecycle_state for one in list(group.instance_states)]
            known = {
                "GroupDesiredCapacity": group.desired_capacity,
                "GroupInServiceInstances": states.count("InService"),
                "GroupMaxSize": group.max_size,
                "GroupMinSize": group.min_size,
                "GroupPendingInstances": sum(state.startswith("Pending") for state in states),
                "GroupTerminatingInstances": sum(state.startswith("Terminating") for state in states),
            }
            for name in set(group.metrics or ()) & known.keys():
                yield region, "AWS/AutoScaling", (("AutoScalingGroupName", group.name),), name, float(known[name])


def _queues() -> Iterator[Figure]:
    for region, backend in _backends("moto.sqs.models", "sqs_backends"):
        for queue in list(backend.queues.values()):
            sent = [message.sent_timestamp for message in list(queue.messages)]
            age = max(0.0, time.time() - min(sent) / 1000) if sent else 0.0
            for name, value in (
                ("ApproximateNumberOfMessagesVisible", float(len(sent))),
                ("ApproximateAgeOfOldestMessage", age),
            ):
                yield region, "AWS/SQS", (("QueueName", queue.name),), name, value


def _backends(module: str, name: str) -> Iterator[tuple[str, Any]]:
    if (models := sys.modules.get(module)) is not None:
        for _, region, backend in list(getattr(models, name).iter_backends()):
            yield region, backend
