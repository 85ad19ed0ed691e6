"""Async endpoints: requests wait in a queue, answers come to S3, and nothing runs while nobody asks."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

Endpoint = Any  # conftest.Endpoint
Client = Callable[[str], Any]
Wait = Callable[..., None]
INSTANCE = {"InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
PLACES = {"S3OutputPath": "s3://machines/answers", "S3FailurePath": "s3://machines/failures"}


@pytest.fixture
def heard(client: Client) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """What was said on a topic that both outcomes are announced on."""
    topic = client("sns").create_topic(Name="inference")["TopicArn"]
    url = client("sqs").create_queue(QueueName="inference")["QueueUrl"]
    queue = client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
    said: list[dict[str, Any]] = []

    def listen() -> list[dict[str, Any]]:
        for message in client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            said.append(json.loads(json.loads(message["Body"])["Message"]))
            client("sqs").delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return said

    yield listen
    client("sqs").delete_queue(QueueUrl=url)
    client("sns").delete_topic(TopicArn=topic)


def queued(endpoint: Endpoint, *, concurrency: int = 1) -> Endpoint:
    topic = "arn:aws:sns:us-east-1:123456789012:inference"
    endpoint.settings["AsyncInferenceConfig"] = {
        "ClientConfig": {"MaxConcurrentInvocationsPerInstance": concurrency},
        "OutputConfig": {**PLACES, "NotificationConfig": {"SuccessTopic": topic, "ErrorTopic": topic}},
    }
    endpoint.create({"model": {"name": "slow"}, **INSTANCE}).settled()
    return endpoint


def submit(client: Client, endpoint: Endpoint, order: dict[str, Any], **more: Any) -> dict[str, Any]:
    client("s3").put_object(Bucket="machines", Key="requests/one.json", Body=json.dumps(order).encode())
    answer: dict[str, Any] = client("sagemaker-runtime").invoke_endpoint_async(
        EndpointName=endpoint.name,
        ContentType="application/json",
        **{"InputLocation": "s3://machines/requests/one.json", **more},
    )
    return answer


def read(client: Client, uri: str) -> bytes | None:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    try:
        content: bytes = client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError:
        return None
    return content


def test_an_answer_comes_to_s3_and_is_announced(
    endpoint: Endpoint, client: Client, wait_until: Wait, heard: Any
) -> None:
    queued(endpoint)
    accepted = submit(client, endpoint, {}, InferenceId="mine")
    assert accepted["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert accepted["InferenceId"] == "mine"
    assert accepted["OutputLocation"].startswith("s3://machines/answers/")
    wait_until(lambda: read(client, accepted["OutputLocation"]))
    answer = json.loads(read(client, accepted["OutputLocation"]) or b"")
    assert (answer["model"], answer["headers"]["content-type"]) == ("slow", "application/json")
    wait_until(heard)
    [notice] = heard()
    assert notice["invocationStatus"] == "Completed"
    assert notice["responseParameters"]["outputLocation"] == accepted["OutputLocation"]
    assert notice["requestParameters"]["endpointName"] == endpoint.name
    assert (notice["inferenceId"], notice["eventName"]) == ("mine", "InferenceResult")


@pytest.mark.parametrize(
    ("order", "more", "told"),
    [
        ({"do": "fail", "status": 400, "text": "no such word"}, {}, "no such word"),
        ({}, {"InputLocation": "s3://machines/requests/missing.json"}, "s3://machines/requests/missing.json cannot be"),
        ({"seconds": 3}, {"InvocationTimeoutSeconds": 1}, "did not answer: timed out"),
    ],
)
def test_a_failure_comes_to_s3_and_is_announced(
    endpoint: Endpoint, client: Client, wait_until: Wait, heard: Any, order: Any, more: Any, told: str
) -> None:
    accepted = submit(client, queued(endpoint), order, **more)
    wait_until(lambda: read(client, accepted["FailureLocation"]))
    assert told in (read(client, accepted["FailureLocation"]) or b"").decode()
    assert read(client, accepted["OutputLocation"]) is None
    wait_until(heard)
    assert heard()[0]["invocationStatus"] == "Failed"
    assert told in heard()[0]["failureReason"]


def test_it_takes_no_synchronous_request_and_others_no_queued_one(endpoint: Endpoint, client: Client) -> None:
    queued(endpoint)
    with pytest.raises(ClientError, match="use InvokeEndpointAsync"):
        endpoint.ask()
    endpoint.settings.clear()
    endpoint.update({"model": {}})
    endpoint.settled()
    with pytest.raises(ClientError, match="use InvokeEndpoint"):
        submit(client, endpoint, {})


def test_it_sleeps_when_idle_and_a_request_wakes_it(endpoint: Endpoint, client: Client, wait_until: Wait) -> None:
    queued(endpoint)
    scaling, resource = client("application-autoscaling"), f"endpoint/{endpoint.name}/variant/variant-0"
    target = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": resource,
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
    metric = {"MetricName": "ApproximateBacklogSizePerInstance", "Namespace": "AWS/SageMaker", "Statistic": "Average"}
    tracking = {
        "TargetValue": 2.0,
        "ScaleInCooldown": 0,
        "ScaleOutCooldown": 0,
        "CustomizedMetricSpecification": metric,
    }
    stepping = {
        "AdjustmentType": "ChangeInCapacity",
        "StepAdjustments": [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}],
    }
    scaling.register_scalable_target(**target, MinCapacity=0, MaxCapacity=3)
    scaling.put_scaling_policy(
        **target,
        PolicyName="backlog",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration=tracking,
    )

    def count() -> int:
        return int(endpoint.describe()["ProductionVariants"][0]["CurrentInstanceCount"])

    wait_until(lambda: count() == 0)
    wait_until(lambda: any("ended" in line or "serving" in line for line in endpoint.lines()))
    waiting = [submit(client, endpoint, {"seconds": 0.8}) for _ in range(6)]
    scaling.put_scaling_policy(
        **target, PolicyName="wake", PolicyType="StepScaling", StepScalingPolicyConfiguration=stepping
    )
    wait_until(lambda: count() > 0)
    wait_until(lambda: count() == 3)
    for accepted in waiting:
        wait_until(lambda accepted=accepted: read(client, accepted["OutputLocation"]))
    wait_until(lambda: count() == 0)
    done = scaling.describe_scaling_activities(ServiceNamespace="sagemaker", ResourceId=resource)["ScalingActivities"]
    assert [activity["Cause"].split(": ")[1] for activity in done[-1:]] == ["1 → 0"]
    scaling.deregister_scalable_target(**target)
    for policy in ("backlog", "wake"):
        scaling.delete_scaling_policy(**target, PolicyName=policy)
