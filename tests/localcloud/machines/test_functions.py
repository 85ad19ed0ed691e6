"""Lambda functions really run: when they are invoked, when a topic tells them, and when their schedule is due."""

import base64
import io
import json
import uuid
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

Client = Callable[[str], Any]
Wait = Callable[..., None]
# Answers what it was told and what it sees; leaves an object, so that a call that nobody waits for can be seen.
CODE = """
import json, os, boto3
def handler(event, context):
    print("told", json.dumps(event))
    if event.get("fail"):
        raise KeyError("no such thing")
    if event.get("sleep"):
        import time; time.sleep(event["sleep"])
    records = event.get("Records", [])
    key = event.get("key") or (records[0]["Sns"]["Message"] if records else None)
    if key:
        boto3.client("s3").put_object(Bucket="machines", Key=key, Body=b"x")
    return {"given": os.environ.get("GIVEN"), "name": context.function_name, "home": "SECRET" in os.environ}
"""


@pytest.fixture(scope="module")
def role(client: Client) -> str:
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    arn: str = client("iam").create_role(RoleName="function", AssumeRolePolicyDocument=policy)["Role"]["Arn"]
    return arn


@pytest.fixture
def function(client: Client, bucket: str, role: str) -> str:
    name, archive = f"f{uuid.uuid4().hex[:8]}", io.BytesIO()
    with zipfile.ZipFile(archive, "w") as written:
        written.writestr("package/module.py", CODE)
    client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.12",
        Role=role,
        Handler="package/module.handler",
        Code={"ZipFile": archive.getvalue()},
        Environment={"Variables": {"GIVEN": "yes"}},
        Timeout=60,
    )
    return name


def invoke(client: Client, name: str, event: dict[str, Any], **more: Any) -> dict[str, Any]:
    answer: dict[str, Any] = client("lambda").invoke(FunctionName=name, Payload=json.dumps(event).encode(), **more)
    return answer


def seen(client: Client, key: str) -> bool:
    try:
        client("s3").head_object(Bucket="machines", Key=key)
    except ClientError:
        return False
    return True


def test_a_call_runs_the_code_and_answers(client: Client, function: str, wait_until: Wait) -> None:
    answer = invoke(client, function, {"a": 1}, LogType="Tail")
    assert json.loads(answer["Payload"].read()) == {"given": "yes", "name": function, "home": False}
    assert answer["StatusCode"] == 200
    assert b'told {"a": 1}' in base64.b64decode(answer["LogResult"])
    events = client("logs").filter_log_events(logGroupName=f"/aws/lambda/{function}")["events"]
    assert [event["message"].split()[0] for event in events] == ["START", "told", "END"]


def test_an_error_is_told_as_lambda_tells_it(client: Client, function: str) -> None:
    answer = invoke(client, function, {"fail": True})
    told = json.loads(answer["Payload"].read())
    assert (answer["FunctionError"], told["errorType"], told["errorMessage"]) == (
        "Unhandled",
        "KeyError",
        "'no such thing'",
    )


def test_a_call_ends_when_its_time_is_over(client: Client, function: str) -> None:
    client("lambda").update_function_configuration(FunctionName=function, Timeout=1)
    answer = invoke(client, function, {"sleep": 30})
    assert answer["FunctionError"] == "Unhandled"
    assert b"Task timed out after 1.00 seconds" in answer["Payload"].read()


def test_a_call_that_nobody_waits_for_runs_too(client: Client, function: str, wait_until: Wait) -> None:
    assert invoke(client, function, {"key": "event"}, InvocationType="Event")["StatusCode"] == 202
    wait_until(lambda: seen(client, "event"))


def test_a_topic_tells_a_function(client: Client, function: str, wait_until: Wait) -> None:
    sns = client("sns")
    arn = client("lambda").get_function(FunctionName=function)["Configuration"]["FunctionArn"]
    topic = sns.create_topic(Name=function)["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn)
    sns.publish(TopicArn=topic, Message="by-topic")
    wait_until(lambda: seen(client, "by-topic"))


def test_a_schedule_calls_a_function_when_it_is_due(client: Client, function: str, wait_until: Wait) -> None:
    events = client("events")
    arn = client("lambda").get_function(FunctionName=function)["Configuration"]["FunctionArn"]
    events.put_rule(Name=function, ScheduleExpression="rate(2 minutes)")
    events.put_targets(Rule=function, Targets=[{"Id": "1", "Arn": arn, "Input": '{"key": "by-schedule"}'}])
    wait_until(lambda: seen(client, "by-schedule"))
    events.remove_targets(Rule=function, Ids=["1"])
    events.delete_rule(Name=function)


def test_a_cron_expression_tells_a_queue_when_it_is_due(client: Client, wait_until: Wait) -> None:
    events, sqs = client("events"), client("sqs")
    queue = sqs.create_queue(QueueName="every-minute")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    rule = events.put_rule(Name="every-minute", ScheduleExpression="cron(* * * * ? *)")["RuleArn"]
    events.put_targets(Rule="every-minute", Targets=[{"Id": "1", "Arn": arn}])
    told: list[dict[str, Any]] = []
    wait_until(lambda: told.extend(sqs.receive_message(QueueUrl=queue).get("Messages", ())) or told)
    event = json.loads(told[0]["Body"])
    assert (event["source"], event["detail-type"]) == ("aws.events", "Scheduled Event")
    assert (event["resources"], event["detail"]) == ([rule], {})
    events.remove_targets(Rule="every-minute", Ids=["1"])
    events.delete_rule(Name="every-minute")
    sqs.delete_queue(QueueUrl=queue)


def test_an_unknown_function_is_not_found(client: Client) -> None:
    with pytest.raises(ClientError, match="Function not found"):
        invoke(client, "missing", {})
