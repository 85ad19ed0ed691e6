"""AWS IoT topic rules, and what a published message sets off."""

import base64
import json
import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from infra.localcloud.iot_sql import Statement, matches, parse
from infra.localcloud.operations import AwsError, Context, Payload, operation
from infra.localcloud.services.iot_index import heard_of
from infra.localcloud.services.iot_tags import forget_tags, keep_tags

SUBSTITUTION = re.compile(r"\$\{(.+?)\}")

MOST_HOPS = 5
"""A rule may publish again, and that again: a ring of rules ends here."""


@operation("iot", "CreateTopicRule")
def create_rule(params: Payload, context: Context) -> Payload:
    """A rule; its SQL is read at once, so that a mistake shows here and not when nothing arrives."""
    name = params["ruleName"]
    rule = _rule(params) | {"createdAt": datetime.now(UTC)}
    if context.resources("TopicRule").setdefault(name, rule) is not rule:
        raise AwsError("ResourceAlreadyExistsException", "Rule with given name already exists", 409)
    keep_tags(context, context.arn(f"rule/{name}"), params.get("tags"))
    return {}


@operation("iot", "ReplaceTopicRule")
def replace_rule(params: Payload, context: Context) -> Payload:
    """Another rule of the same name."""
    known = _find(params["ruleName"], context)
    context.resources("TopicRule")[params["ruleName"]] = _rule(params) | {"createdAt": known["createdAt"]}
    return {}


@operation("iot", "GetTopicRule")
def get_rule(params: Payload, context: Context) -> Payload:
    """One rule."""
    name = params["ruleName"]
    return {"ruleArn": context.arn(f"rule/{name}"), "rule": _find(name, context)}


@operation("iot", "ListTopicRules")
def list_rules(params: Payload, context: Context) -> Payload:
    """All rules, or those whose filter is `topic`."""
    rules = [
        {
            "ruleArn": context.arn(f"rule/{name}"),
            "ruleName": name,
            "topicPattern": parse(rule["sql"]).topic_filter,
            "createdAt": rule["createdAt"],
            "ruleDisabled": rule["ruleDisabled"],
        }
        for name, rule in sorted(context.resources("TopicRule").items())
    ]
    return {"rules": [rule for rule in rules if params.get("topic") in (None, rule["topicPattern"])]}


@operation("iot", "DeleteTopicRule")
def delete_rule(params: Payload, context: Context) -> Payload:
    """The rule goes; a second time is no error, as on AWS."""
    context.resources("TopicRule").pop(params["ruleName"], None)
    forget_tags(context, context.arn(f"rule/{params['ruleName']}"))
    return {}


@operation("iot", "EnableTopicRule")
def enable_rule(params: Payload, context: Context) -> Payload:
    """Listen again."""
    _find(params["ruleName"], context)["ruleDisabled"] = False
    return {}


@operation("iot", "DisableTopicRule")
def disable_rule(params: Payload, context: Context) -> Payload:
    """Listen no more."""
    _find(params["ruleName"], context)["ruleDisabled"] = True
    return {}


@operation("iot-data", "Publish")
def publish_over_http(params: Payload, context: Context) -> Payload:
    """A message from a device or a program; MQTT itself is not part of this cloud, so nobody but rules hears it."""
    body = params.get("payload", b"")
    for part in params["topic"].split("/"):
        heard_of(part, context)
    publish(params["topic"], body if isinstance(body, bytes) else str(body).encode(), context)
    return {}


def publish(topic: str, body: bytes, context: Context, *, hops: int = 0) -> None:
    """Hand a message to every rule whose filter takes its topic, or to the one that `$aws/rules/…` names."""
    rules = context.cloud.resources("iot", "TopicRule", account=context.account, region=context.region)
    direct = topic.startswith("$aws/rules/")
    named, _, rest = topic.removeprefix("$aws/rules/").partition("/") if direct else ("", "", topic)
    for name, rule in list(rules.items()):
        statement = parse(rule["sql"])
        heard = name == named if direct else matches(statement.topic_filter, topic)
        if heard and not rule["ruleDisabled"]:
            _run(name, rule, statement, _Message(rest, body, context, hops))


class _Message:
    """A message on its way through a rule."""

    def __init__(self, topic: str, body: bytes, context: Context, hops: int) -> None:
        self.topic, self.body, self.context, self.hops = topic, body, context, hops

    def client(self, service: str) -> Any:
        """A client of this cloud, where the message was published."""
        return self.context.cloud.client(service, self.context.region)


def _run(name: str, rule: Payload, statement: Statement, message: _Message) -> None:
    log = message.context.cloud.log
    try:
        selected = statement.select(message.topic, message.body)
    except ValueError as error:
        log.warning("a rule could not read a message", rule=name, topic=message.topic, reason=str(error))
        _count(name, message, TopicMatch="", ParseError="")
        return
    if selected is None:
        _count(name, message, TopicMatch="")
        return
    outcomes = [
        (next(iter(action)), _act(action, json.dumps(selected).encode(), message)) for action in rule["actions"]
    ]
    failures = [failure for _, failure in outcomes if failure]
    for kind, failure in outcomes:
        _count(name, message, **{"Failure" if failure else "Success": kind[:1].upper() + kind[1:]})
    _count(name, message, TopicMatch="")
    if failures:
        log.warning("actions of a rule failed", rule=name, topic=message.topic, failures=failures)
        _report(name, rule, failures, message)


def _count(name: str, message: _Message, **counted: str) -> None:
    """Tell CloudWatch what AWS IoT tells of a rule: each figure with the type of its action, if it is one's."""
    data = [
        {
            "MetricName": figure,
            "Dimensions": [
                {"Name": "RuleName", "Value": name},
                *([{"Name": "ActionType", "Value": action}] if action else []),
            ],
            "Unit": "Count",
            "Value": 1.0,
        }
        for figure, action in counted.items()
    ]
    message.client("cloudwatch").put_metric_data(Namespace="AWS/IoT", MetricData=data)


def _report(name: str, rule: Payload, failures: list[Payload], message: _Message) -> None:
    """What no action took goes to the error action, with the message and the reasons."""
    original = base64.b64encode(message.body).decode()
    report = {"ruleName": name, "topic": message.topic, "base64OriginalPayload": original, "failures": failures}
    if rule.get("errorAction") and (failure := _act(rule["errorAction"], json.dumps(report).encode(), message)):
        message.context.cloud.log.warning("a rule's error action failed", rule=name, reason=failure["errorMessage"])


def _act(action: Payload, body: bytes, message: _Message) -> Payload | None:
    """Do one action; what went wrong, or None."""
    ((kind, settings),) = action.items()
    try:
        if kind not in ACTIONS:
            raise NotImplementedError(f"the embedded cloud has no rule action '{kind}'")
        ACTIONS[kind](settings, body, message)
    except Exception as error:
        return {"failedAction": kind, "errorMessage": str(error)}
    return None


def _to_firehose(settings: Payload, body: bytes, message: _Message) -> None:
    data = body + settings.get("separator", "").encode()
    message.client("firehose").put_record(DeliveryStreamName=settings["deliveryStreamName"], Record={"Data": data})


def _to_sqs(settings: Payload, body: bytes, message: _Message) -> None:
    text = base64.b64encode(body).decode() if settings.get("useBase64") else body.decode()
    message.client("sqs").send_message(QueueUrl=settings["queueUrl"], MessageBody=text)


def _to_s3(settings: Payload, body: bytes, message: _Message) -> None:
    milliseconds = int(datetime.now(UTC).timestamp() * 1000)
    known = {"topic()": message.topic, "timestamp()": str(milliseconds), "newuuid()": str(uuid.uuid4())}
    key = SUBSTITUTION.sub(lambda found: known[found[1]], settings["key"])
    message.client("s3").put_object(Bucket=settings["bucketName"], Key=key, Body=body)


def _to_logs(settings: Payload, body: bytes, message: _Message) -> None:
    logs, group = message.client("logs"), settings["logGroupName"]
    stream = f"{datetime.now(UTC):%Y-%m-%d}-{uuid.uuid4()}"
    logs.create_log_stream(logGroupName=group, logStreamName=stream)
    event = {"timestamp": int(datetime.now(UTC).timestamp() * 1000), "message": body.decode()}
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=[event])


def _to_metric(settings: Payload, body: bytes, message: _Message) -> None:
    datum = {"MetricName": settings["metricName"], "Unit": settings["metricUnit"]}
    value = float(settings["metricValue"])
    data = [{**datum, "Value": value}]
    message.client("cloudwatch").put_metric_data(Namespace=settings["metricNamespace"], MetricData=data)


def _to_topic(settings: Payload, body: bytes, message: _Message) -> None:
    if message.hops >= MOST_HOPS:
        raise ValueError(f"the message was published again {MOST_HOPS} times")
    publish(settings["topic"], body, message.context, hops=message.hops + 1)


ACTIONS: dict[str, Callable[[Payload, bytes, _Message], None]] = {
    "cloudwatchLogs": _to_logs,
    "cloudwatchMetric": _to_metric,
    "firehose": _to_firehose,
    "republish": _to_topic,
    "s3": _to_s3,
    "sqs": _to_sqs,
}


def _rule(params: Payload) -> Payload:
    given = params["topicRulePayload"]
    try:
        parse(given["sql"])
    except ValueError as error:
        raise AwsError("SqlParseException", str(error)) from error
    defaults = {"ruleDisabled": False, "awsIotSqlVersion": "2015-10-08"}
    return {"ruleName": params["ruleName"], **defaults, **given}


def _find(name: str, context: Context) -> Payload:
    rule = context.resources("TopicRule").get(name)
    if rule is None:
        # AWS does not tell a rule that is not there from one that is not yours.
        raise AwsError("UnauthorizedException", f"Access to topic rule '{name}' was denied", 401)
    return rule
