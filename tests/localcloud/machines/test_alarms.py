"""Alarms wake: a figure passes its bound, the topic of the alarm is told, and so is the light over several alarms."""

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ci.traffic.figures import raised_alarms

Client = Callable[[str], Any]
Wait = Callable[..., None]


class Heard:
    """A topic and a queue that hears it; names of the test's own."""

    def __init__(self, client: Client) -> None:
        self._client, self.name = client, f"alarm-{uuid.uuid4().hex[:8]}"
        self.topic = client("sns").create_topic(Name=self.name)["TopicArn"]
        self._queue = client("sqs").create_queue(QueueName=self.name)["QueueUrl"]
        arn = f"arn:aws:sqs:us-east-1:123456789012:{self.name}"
        client("sns").subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=arn)
        self._told: list[tuple[str, str]] = []

    def alarm(self, suffix: str, **fields: Any) -> str:
        """Make an alarm on the sum of this test's own metric above two, in one period of an hour."""
        name = f"{self.name}-{suffix}"
        metric = {"Metric": {"Namespace": "Test", "MetricName": self.name}, "Period": 3600, "Stat": "Sum"}
        whole = {
            "EvaluationPeriods": 1,
            "ComparisonOperator": "GreaterThanThreshold",
            "Threshold": 2.0,
            "TreatMissingData": "notBreaching",
            "Metrics": [
                {"Id": "line", "Expression": "10 * value / 10", "Label": "line", "ReturnData": True},
                {"Id": "value", "MetricStat": metric, "ReturnData": False},
            ],
            "AlarmActions": [self.topic],
            "OKActions": [self.topic],
        }
        self._client("cloudwatch").put_metric_alarm(AlarmName=name, **(whole | fields))
        return name

    def measure(self, value: float) -> None:
        self._client("cloudwatch").put_metric_data(
            Namespace="Test", MetricData=[{"MetricName": self.name, "Value": value}]
        )

    def told(self) -> list[tuple[str, str]]:
        """What was heard so far: what of an alarm's name is its own, and the state that it came into."""
        found = self._client("sqs").receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10).get("Messages", ())
        for message in found:
            said = json.loads(json.loads(message["Body"])["Message"])
            self._told.append((said["AlarmName"].removeprefix(f"{self.name}-"), said["NewStateValue"]))
        return self._told

    def state(self, suffix: str) -> str:
        (found,) = self._client("cloudwatch").describe_alarms(AlarmNames=[f"{self.name}-{suffix}"])["MetricAlarms"]
        return str(found["StateValue"])


@pytest.fixture
def heard(client: Client) -> Iterator[Heard]:
    heard = Heard(client)
    yield heard
    names = [f"{heard.name}-{suffix}" for suffix in ("a", "b", "alone", "more-alone", "both", "light")]
    client("cloudwatch").delete_alarms(AlarmNames=names)


def test_a_figure_above_its_bound_tells_the_topic_and_darkens_the_light(
    heard: Heard, client: Client, wait_until: Wait
) -> None:
    name, quiet = heard.alarm("a"), heard.alarm("b", Threshold=1e9, AlarmActions=[], OKActions=[])
    cloudwatch, topic = client("cloudwatch"), {"AlarmActions": [heard.topic], "OKActions": [heard.topic]}
    cloudwatch.put_composite_alarm(AlarmName=f"{heard.name}-both", AlarmRule=f"ALARM({name}) AND ALARM({quiet})")
    rule = f"ALARM({heard.name}-both) OR ALARM({name})"
    cloudwatch.put_composite_alarm(AlarmName=f"{heard.name}-light", AlarmRule=rule, **topic)
    heard.measure(2.0)
    heard.measure(1.0)
    wait_until(lambda: set(heard.told()) == {("a", "ALARM"), ("light", "ALARM")})
    assert (heard.state("a"), heard.state("b")) == ("ALARM", "OK")


def test_what_is_no_more_measured_is_as_bad_as_the_alarm_says(heard: Heard, wait_until: Wait) -> None:
    heard.alarm("a", TreatMissingData="breaching")
    heard.alarm("b", TreatMissingData="missing", AlarmActions=[], OKActions=[])
    wait_until(lambda: heard.told() == [("a", "ALARM")])
    wait_until(lambda: heard.state("b") == "INSUFFICIENT_DATA")


def test_a_release_hears_alarms_over_several_and_their_parts_through_them_alone(heard: Heard, client: Client) -> None:
    cloudwatch, endpoint = client("cloudwatch"), heard.name
    metric = {"Namespace": "AWS/SageMaker", "MetricName": "Invocation5XXErrors"}
    for suffix, of in (("a", endpoint), ("b", endpoint), ("alone", endpoint), ("more-alone", f"{endpoint}-more")):
        line = {"Metric": {**metric, "Dimensions": [{"Name": "EndpointName", "Value": of}]}, "Period": 60}
        query = [{"Id": "value", "MetricStat": {**line, "Stat": "Sum"}}]
        # Without figures it stays in the state that it is set to.
        heard.alarm(suffix, Metrics=query, TreatMissingData="ignore", AlarmActions=[], OKActions=[])
    rule = f'ALARM("{endpoint}-a") AND ALARM("arn:aws:cloudwatch:us-east-1:123456789012:alarm:{endpoint}-b")'
    cloudwatch.put_composite_alarm(AlarmName=f"{endpoint}-both", AlarmRule=rule)
    said = []
    for suffix in ("more-alone", "a", "b", "alone"):
        cloudwatch.set_alarm_state(AlarmName=f"{endpoint}-{suffix}", StateValue="ALARM", StateReason="a test")
        said.append([name.removeprefix(f"{endpoint}-") for name in raised_alarms(cloudwatch, endpoint)])
    assert said == [[], [], ["both"], ["alone", "both"]]
