"""CloudWatch composite alarms: alarms over the state of other alarms."""

import re
import time
from collections.abc import Iterator, Mapping

from infra.localcloud.operations import AwsError, Context, Payload, after, operation
from infra.localcloud.tags import from_pairs, tags_of, to_pairs, untag

TOKEN = re.compile(r'\s*(?:(ALARM|OK|INSUFFICIENT_DATA)\s*\(\s*("[^"]*"|[^()\s]+)\s*\)|(AND|OR|NOT|TRUE|FALSE|[()]))')
States = dict[str, str]


@operation("cloudwatch", "PutCompositeAlarm")
def put_composite_alarm(params: Payload, context: Context) -> Payload:
    """Create or change an alarm; a rule that cannot be read is refused."""
    evaluate(params["AlarmRule"], {})
    name = params["AlarmName"]
    arn = context.arn(f"alarm:{name}")
    context.resources("CompositeAlarm")[name] = {
        "ActionsEnabled": True,
        **{kind: [] for kind in ("AlarmActions", "OKActions", "InsufficientDataActions")},
        **params,
        "AlarmArn": arn,
        "AlarmConfigurationUpdatedTimestamp": time.time(),
    }
    tags_of(context, arn).update(from_pairs(params.get("Tags")))
    return {}


@operation("cloudwatch", "DescribeAlarms")
def describe_alarms(params: Payload, context: Context) -> Payload:
    """Composite alarms only when asked for by type, as on AWS; metric alarms are moto's."""
    types, state = params.get("AlarmTypes", ["MetricAlarm"]), params.get("StateValue")
    answer = context.forward({**params, "AlarmTypes": ["MetricAlarm"]}) if "MetricAlarm" in types else {}
    if answer and state:  # moto forgets it where a prefix is asked for too.
        answer = {**answer, "MetricAlarms": [one for one in answer["MetricAlarms"] if one["StateValue"] == state]}
    if "CompositeAlarm" not in types:
        return answer
    names, prefix = params.get("AlarmNames"), params.get("AlarmNamePrefix", "")
    alarms = context.resources("CompositeAlarm")
    chosen = [one for name, one in alarms.items() if (not names or name in names) and name.startswith(prefix)]
    states = with_composites(alarms, _states(context)) if chosen else {}
    return {**answer, "CompositeAlarms": [{**one, **_state(one["AlarmRule"], states)} for one in chosen]}


@operation("cloudwatch", "DeleteAlarms")
def delete_alarms(params: Payload, context: Context) -> Payload:
    """Delete composite alarms here and the others in moto."""
    alarms = context.resources("CompositeAlarm")
    ours = [name for name in params["AlarmNames"] if name in alarms]
    for name in ours:
        context.notes("Tags").pop(alarms.pop(name)["AlarmArn"], None)
    others = [name for name in params["AlarmNames"] if name not in ours]
    return context.forward({**params, "AlarmNames": others}) if others else {}


@after("cloudwatch", "ListTagsForResource")
def list_tags(params: Payload, answer: Payload, context: Context) -> Payload:
    """Tags of composite alarms are kept here."""
    return {"Tags": to_pairs(tags_of(context, params["ResourceARN"]))} if _ours(params, context) else answer


@operation("cloudwatch", "TagResource")
def tag_resource(params: Payload, context: Context) -> Payload:
    """Add or change tags."""
    if not _ours(params, context):
        return context.forward(None)
    tags_of(context, params["ResourceARN"]).update(from_pairs(params["Tags"]))
    return {}


@operation("cloudwatch", "UntagResource")
def untag_resource(params: Payload, context: Context) -> Payload:
    """Remove tags."""
    if not _ours(params, context):
        return context.forward(None)
    untag(tags_of(context, params["ResourceARN"]), params["TagKeys"])
    return {}


def evaluate(rule: str, states: States) -> bool:
    """Whether the rule holds for these alarm states; an alarm that does not exist has insufficient data.

    NOT binds tighter than AND, AND tighter than OR.
    """
    tokens = list(_tokens(rule))

    def either() -> bool:
        value = both()
        while tokens and tokens[0] == "OR":
            tokens.pop(0)
            value = both() or value
        return value

    def both() -> bool:
        value = one()
        while tokens and tokens[0] == "AND":
            tokens.pop(0)
            value = one() and value
        return value

    def one() -> bool:
        token = tokens.pop(0) if tokens else ""
        if token == "NOT":
            return not one()
        if token == "(":
            value = either()
            if not tokens or tokens.pop(0) != ")":
                raise _unreadable(rule)
            return value
        if isinstance(token, tuple):
            return states.get(token[1], "INSUFFICIENT_DATA") == token[0]
        if token not in ("TRUE", "FALSE"):
            raise _unreadable(rule)
        return token == "TRUE"

    value = either()
    if tokens:
        raise _unreadable(rule)
    return value


def with_composites(alarms: Mapping[str, Payload], states: States) -> States:
    """Return the states of all alarms: composite ones may be over composite ones, never in a ring."""
    known = dict(states)
    for _ in alarms:
        found = {name: "ALARM" if evaluate(one["AlarmRule"], known) else "OK" for name, one in alarms.items()}
        if found.items() <= known.items():
            break
        known |= found
    return known


def _tokens(rule: str) -> Iterator[str | tuple[str, str]]:
    position, rule = 0, rule.strip()
    while position < len(rule):
        match = TOKEN.match(rule, position)
        if not match:
            raise _unreadable(rule)
        position = match.end()
        # An alarm may be named by its ARN.
        yield (match[1], match[2].strip('"').rsplit(":alarm:", 1)[-1]) if match[1] else match[3]


def _unreadable(rule: str) -> AwsError:
    return AwsError("ValidationError", f"AlarmRule is not valid: {rule}")


def _states(context: Context) -> States:
    answer = context.cloud.client("cloudwatch", context.region).describe_alarms(AlarmTypes=["MetricAlarm"])
    return {alarm["AlarmName"]: alarm["StateValue"] for alarm in answer["MetricAlarms"]}


def _state(rule: str, states: States) -> Payload:
    return {"StateValue": "ALARM" if evaluate(rule, states) else "OK", "StateReason": f"{rule} over {states}"}


def _ours(params: Payload, context: Context) -> bool:
    return params["ResourceARN"].rsplit(":alarm:", 1)[-1] in context.resources("CompositeAlarm")
