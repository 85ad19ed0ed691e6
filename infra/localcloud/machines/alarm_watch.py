"""Alarms that are looked at: figures pass a bound for long enough, and topics are told. moto keeps alarms and sleeps.

An alarm speaks when its state changes. What composite alarms say follows from the others and is told after them.
"""

import json
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from infra.localcloud.cloud import Payload
from infra.localcloud.machines.site import Site

COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": lambda value, bound: value >= bound,
    "GreaterThanThreshold": lambda value, bound: value > bound,
    "LessThanOrEqualToThreshold": lambda value, bound: value <= bound,
    "LessThanThreshold": lambda value, bound: value < bound,
}
ACTIONS = {"ALARM": "AlarmActions", "OK": "OKActions", "INSUFFICIENT_DATA": "InsufficientDataActions"}


class AlarmWatch:
    """Looks every `alarm_seconds`, in a thread of its own: asking for figures comes back into this cloud by HTTP."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._next = time.monotonic() + site.settings.alarm_seconds
        self._busy = threading.Lock()
        # Of composite alarms, which keep no state themselves. All begin well, as moto's do.
        self._told: dict[tuple[str, str], str] = {}
        site.ticker.add(self._tick)

    def _tick(self) -> None:
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + self._site.settings.alarm_seconds
        models = sys.modules.get("moto.cloudwatch.models")
        if models is None or not self._busy.acquire(blocking=False):
            return
        backends = list(models.cloudwatch_backends.iter_backends())
        regions = [region for _, region, backend in backends if backend.alarms]
        threading.Thread(target=self._look, args=(regions,), name="alarms", daemon=True).start()

    def _look(self, regions: Sequence[str]) -> None:
        try:
            for region in regions:
                self._look_at(region)
        except Exception:
            self._site.cloud.log.error("alarms could not be looked at")
        finally:
            self._busy.release()

    def _look_at(self, region: str) -> None:
        cloudwatch = self._site.cloud.client("cloudwatch", region)
        pages = cloudwatch.get_paginator("describe_alarms").paginate(AlarmTypes=["MetricAlarm"])
        for alarm in [alarm for page in pages for alarm in page["MetricAlarms"]]:
            state = _judged(alarm, _newest(cloudwatch, alarm))
            if state not in (None, alarm["StateValue"]):
                reason = alarm.get("AlarmDescription") or alarm["AlarmName"]
                cloudwatch.set_alarm_state(AlarmName=alarm["AlarmName"], StateValue=state, StateReason=reason)
                self._tell(region, alarm, str(alarm["StateValue"]), str(state))
        for alarm in cloudwatch.describe_alarms(AlarmTypes=["CompositeAlarm"])["CompositeAlarms"]:
            before = self._told.get((region, alarm["AlarmArn"]), "OK")
            if alarm["StateValue"] != before:
                self._told[region, alarm["AlarmArn"]] = alarm["StateValue"]
                self._tell(region, alarm, before, alarm["StateValue"])

    def _tell(self, region: str, alarm: Payload, before: str, after: str) -> None:
        self._site.cloud.log.info("alarm", alarm=alarm["AlarmName"], before=before, after=after)
        topics = [arn for arn in alarm.get(ACTIONS[after], ()) if arn.split(":")[2] == "sns"]
        if not alarm.get("ActionsEnabled", True):
            return
        message = {
            "AlarmName": alarm["AlarmName"],
            "AlarmDescription": alarm.get("AlarmDescription"),
            "AlarmArn": alarm["AlarmArn"],
            "Region": region,
            "OldStateValue": before,
            "NewStateValue": after,
            "NewStateReason": alarm.get("AlarmDescription") or alarm["AlarmName"],
            "StateChangeTime": datetime.now(UTC).isoformat(timespec="milliseconds"),
        }
        for arn in topics:
            sns = self._site.cloud.client("sns", arn.split(":")[3])
            subject = f'{after}: "{alarm["AlarmName"]}"'[:100]
            sns.publish(TopicArn=arn, Subject=subject, Message=json.dumps(message))


def _newest(cloudwatch: Any, alarm: Payload) -> list[float | None]:
    """Return the values of the newest periods, the newest first; the one under way counts when it has a value."""
    queries = alarm.get("Metrics") or [_query(alarm)]
    asked = [{key: value for key, value in query.items() if key != "AccountId"} for query in queries]
    period = int(alarm.get("Period") or next(one["MetricStat"]["Period"] for one in asked if "MetricStat" in one))
    periods, now = int(alarm["EvaluationPeriods"]), datetime.now(UTC)
    begun = now - timedelta(seconds=now.timestamp() % period)
    begins = [begun.replace(microsecond=0) - index * timedelta(seconds=period) for index in range(periods + 1)]
    found = cloudwatch.get_metric_data(
        MetricDataQueries=asked, StartTime=begins[-1], EndTime=now + timedelta(seconds=1)
    )
    line = dict(zip(*(found["MetricDataResults"][0][key] for key in ("Timestamps", "Values")), strict=True))
    values = [line.get(begin) for begin in begins]
    return values[1:] if values[0] is None else values[:-1]


def _query(alarm: Payload) -> Payload:
    metric = {key: alarm[key] for key in ("Namespace", "MetricName", "Dimensions") if alarm.get(key)}
    stat = alarm.get("Statistic") or alarm["ExtendedStatistic"]
    return {"Id": "value", "MetricStat": {"Metric": metric, "Period": alarm["Period"], "Stat": stat}}


def _judged(alarm: Payload, values: Sequence[float | None]) -> str | None:
    """Return the state that values make, or None for what it is."""
    missing = alarm.get("TreatMissingData") or "missing"
    if all(value is None for value in values) and missing in ("missing", "ignore"):
        return "INSUFFICIENT_DATA" if missing == "missing" else None
    compare, bound = COMPARE[alarm["ComparisonOperator"]], float(alarm["Threshold"])
    passed = sum(missing == "breaching" if value is None else compare(value, bound) for value in values)
    return "ALARM" if passed >= int(alarm.get("DatapointsToAlarm") or len(values)) else "OK"
