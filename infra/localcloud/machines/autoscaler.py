"""Application Auto Scaling for SageMaker's variants: counts follow calls and backlogs, within their bounds.

moto keeps targets and policies; this looks at them every few seconds. Cooldowns are the policies' own. What a
schedule changes (scheduled_scaling.py) are the bounds.
"""

import math
import sys
import time
import uuid
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from infra.localcloud.cloud import Payload
from infra.localcloud.machines.async_inference import AsyncInference
from infra.localcloud.machines.endpoint_records import Endpoint, Key
from infra.localcloud.machines.hosting import Hosting
from infra.localcloud.machines.site import Site

DIMENSION = "sagemaker:variant:DesiredInstanceCount"
DEFAULT_COOLDOWN_SECONDS = 300
MOST_ACTIVITIES = 1000
CALLS, BACKLOG, ASLEEP = (
    "SageMakerVariantInvocationsPerInstance",
    "ApproximateBacklogSizePerInstance",
    "HasBacklogWithoutCapacity",
)


@dataclass(frozen=True)
class Seen:
    """What a variant has and is asked for, at one look."""

    count: int
    calls_per_minute: float
    backlog: int


class Autoscaler:
    """One look after the other, on the ticker."""

    def __init__(self, site: Site, hosting: Hosting, queues: AsyncInference) -> None:
        self._site, self._hosting, self._queues = site, hosting, queues
        self._looked: dict[tuple[Key, str], float] = {}
        # When a variant last grew or shrank.
        self._changed: dict[tuple[Key, str], float] = {}
        self._due = 0.0
        self.activities: deque[Payload] = deque(maxlen=MOST_ACTIVITIES)
        site.ticker.add(self._tick)

    def _tick(self) -> None:
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + self._site.settings.scaling_seconds
        # Importing it takes a second; before the first request for it there is nothing to scale.
        if (models := sys.modules.get("moto.applicationautoscaling.models")) is None:
            return
        for account, region, backend in list(models.applicationautoscaling_backends.iter_backends()):
            for target in list(backend.targets.get(DIMENSION, {}).values()):
                _, endpoint_name, _, variant = target.resource_id.split("/")
                if endpoint := self._hosting.find((account, region, endpoint_name)):
                    policies = [one for one in backend.policies.values() if one.resource_id == target.resource_id]
                    self._look(endpoint, variant, target, policies)

    def _look(self, endpoint: Endpoint, variant: str, target: Any, policies: list[Any]) -> None:
        seen = self._see(endpoint, variant)
        least, most = int(target.min_capacity), int(target.max_capacity)
        wanted, reason = min(max(seen.count, least), most), "the bounds of the target"
        asked = [found for policy in policies if (found := self._asked(endpoint, variant, policy, seen)) is not None]
        if asked:
            # Several policies: AWS takes the one that gives most.
            count, reason = max(asked)
            wanted = min(max(count, least), most)
        if wanted < seen.count and (target.suspended_state or {}).get("DynamicScalingInSuspended"):
            return
        if wanted != seen.count:
            self._changed[endpoint.key, variant] = time.monotonic()
            self._hosting.scale(endpoint.key, {variant: wanted})
            self._record(endpoint, target, seen.count, wanted, reason)

    def _see(self, endpoint: Endpoint, variant: str) -> Seen:
        now, at = time.monotonic(), (endpoint.key, variant)
        calls = self._hosting.take_tally(endpoint.key, variant)
        seconds = now - self._looked.get(at, now - self._site.settings.scaling_seconds)
        self._looked[at] = now
        return Seen(endpoint.count(variant), calls * 60 / max(seconds, 0.001), self._queues.backlog(endpoint.key))

    def _asked(self, endpoint: Endpoint, variant: str, policy: Any, seen: Seen) -> tuple[int, str] | None:
        """The count that a policy asks for and why; None while its cooldown lasts or where it has nothing to say."""
        if tracking := policy.target_tracking_scaling_policy_configuration:
            wanted = _tracked(tracking, seen)
            kind = "ScaleOutCooldown" if wanted is not None and wanted > seen.count else "ScaleInCooldown"
            cooldown = tracking.get(kind, DEFAULT_COOLDOWN_SECONDS)
            if wanted is not None and wanted < seen.count and tracking.get("DisableScaleIn"):
                return None
        else:
            stepping = policy.step_scaling_policy_configuration
            wanted, cooldown = _stepped(stepping, seen), 0
        if wanted is None:
            return None
        since = time.monotonic() - self._changed.get((endpoint.key, variant), -math.inf)
        if wanted != seen.count and since < cooldown:
            return None
        return wanted, f"policy {policy.policy_name}"

    def _record(self, endpoint: Endpoint, target: Any, before: int, after: int, reason: str) -> None:
        now = datetime.now(UTC)
        self._site.cloud.log.info("endpoint scaled", endpoint=endpoint.key[2], before=before, after=after, why=reason)
        self.activities.appendleft(
            {
                "ActivityId": str(uuid.uuid4()),
                "ServiceNamespace": "sagemaker",
                "ResourceId": target.resource_id,
                "ScalableDimension": DIMENSION,
                "Description": f"Setting desired instance count to {after}.",
                "Cause": f"{reason}: {before} → {after}",
                "StartTime": now,
                "EndTime": now,
                "StatusCode": "Successful",
                "StatusMessage": f"Successfully set desired instance count to {after}.",
            }
        )


def _tracked(config: Payload, seen: Seen) -> int | None:
    predefined = config.get("PredefinedMetricSpecification", {}).get("PredefinedMetricType")
    customized = config.get("CustomizedMetricSpecification", {}).get("MetricName")
    if predefined == CALLS:
        return math.ceil(seen.calls_per_minute / float(config["TargetValue"]))
    # Without an instance there is no backlog per instance: waking is another policy's work.
    if customized == BACKLOG and seen.count:
        return math.ceil(seen.backlog / float(config["TargetValue"]))
    return None


def _stepped(config: Payload, seen: Seen) -> int | None:
    """The one alarm of a step policy here is that requests wait and no instance is there."""
    if seen.count or not seen.backlog:
        return None
    return seen.count + max(int(step["ScalingAdjustment"]) for step in config["StepAdjustments"])
