"""EventBridge's default bus: which rules an event meets, and what their targets get.

moto hands events to queues and logs only, and loses them where a rule has another target or two of these.
"""

import json
import uuid
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from infra.localcloud.cloud import Cloud, Payload


def send_event(
    cloud: Cloud, account: str, region: str, source: str, what: str, detail: Payload, *resources: str
) -> str:
    """Put one event on the region's default bus and hand it to all targets of its rules; return its id.

    A target that cannot be reached does not keep the others waiting: it is told in the cloud's log.
    """
    event = new_event(account, region, source, what, detail, resources, datetime.now(UTC))
    for rule in list(_met(account, region, event)):
        run_rule(cloud, rule, event)
    return str(event["id"])


def new_event(
    account: str, region: str, source: str, what: str, detail: Payload, resources: Iterable[str], moment: datetime
) -> Payload:
    """An event as EventBridge hands it on."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": what,
        "source": source,
        "account": account,
        "time": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": region,
        "resources": list(resources),
        "detail": detail,
    }


def run_rule(cloud: Cloud, rule: Any, event: Payload) -> None:
    """Count that the rule (moto's record of it) ran, and hand the event to its targets, one after the other."""
    region = rule.region_name
    counted = {"MetricName": "TriggeredRules", "Dimensions": [{"Name": "RuleName", "Value": rule.name}], "Value": 1.0}
    cloud.client("cloudwatch", region).put_metric_data(Namespace="AWS/Events", MetricData=[counted])
    for target in list(rule.targets):
        try:
            _deliver(cloud, region, target["Arn"], _text(target, event))
        except Exception:
            cloud.log.error("an event did not reach its target", rule=rule.name, target=target["Arn"])


def _met(account: str, region: str, event: Payload) -> Iterator[Any]:
    from moto.events.models import events_backends

    bus = events_backends[account][region].event_buses["default"]
    for rule in list(bus.rules.values()):
        # Rules on a schedule have no pattern.
        has_pattern = rule.state == "ENABLED" and rule.event_pattern and rule.event_pattern.get_pattern()
        if has_pattern and rule.event_pattern.matches_event(event):
            yield rule


def _text(target: Payload, event: Payload) -> str:
    """What the target gets: the event, a fixed text, or what its template makes of the event."""
    from moto.events.utils import EventTemplateParser

    if "Input" in target:
        return str(target["Input"])
    if "InputTransformer" not in target:
        return json.dumps(event)
    transformer = target["InputTransformer"]
    shaped: Any = EventTemplateParser.parse(
        input_template=transformer["InputTemplate"],
        input_paths_map=transformer.get("InputPathsMap", {}),
        event={**event, "ingestion-time": event["time"]},
    )
    return shaped if isinstance(shaped, str) else json.dumps(shaped)


def _deliver(cloud: Cloud, region: str, arn: str, text: str) -> None:
    _, _, service, _, account, name = arn.split(":", 5)
    match service:
        case "sqs":
            url = f"{cloud.url}/{account}/{name}"
            cloud.client("sqs", region).send_message(QueueUrl=url, MessageBody=text)
        case "sns":
            cloud.client("sns", region).publish(TopicArn=arn, Message=text)
        case "logs":
            _write(cloud.client("logs", region), name.split(":")[1], text)
        case "lambda":
            cloud.client("lambda", region).invoke(FunctionName=arn, InvocationType="Event", Payload=text)
        case _:
            cloud.log.warning("the embedded cloud hands no events to targets of this kind", target=arn)


def _write(logs: Any, group: str, text: str) -> None:
    stream = "events"
    with suppress(logs.exceptions.ResourceAlreadyExistsException):
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
    moment = int(datetime.now(UTC).timestamp() * 1000)
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=[{"timestamp": moment, "message": text}])
