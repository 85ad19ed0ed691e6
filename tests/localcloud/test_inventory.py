"""The inventory is truthful: what is created is in it, what is deleted is not, what happened is not."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from infra.localcloud import CloudRecord, start, stop
from tests.localcloud.conftest import inventory, make_client

ROOT = Path(__file__).parents[2]
TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})
ROLE = "arn:aws:iam::123456789012:role/any"


class Sample(NamedTuple):
    """One resource of a service: how to make it, how to delete what `make` returned, what the inventory calls it."""

    service: str
    make: Callable[[Any], Any]
    delete: Callable[[Any, Any], Any]
    kind: str


SAMPLES = [
    Sample("s3", lambda c: c.create_bucket(Bucket="sampled"), lambda c, _: c.delete_bucket(Bucket="sampled"), "Bucket"),
    Sample(
        "ec2",
        lambda c: c.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"],
        lambda c, made: c.delete_vpc(VpcId=made),
        "VPC",
    ),
    Sample(
        "ec2",
        lambda c: c.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"],
        lambda c, made: c.terminate_instances(InstanceIds=[made]),
        "Instance",
    ),
    Sample(
        "ec2",
        lambda c: c.create_placement_group(GroupName="sampled", Strategy="cluster"),
        lambda c, _: c.delete_placement_group(GroupName="sampled"),
        "PlacementGroup",
    ),
    Sample(
        "iam",
        lambda c: c.create_role(RoleName="sampled", AssumeRolePolicyDocument=TRUST),
        lambda c, _: c.delete_role(RoleName="sampled"),
        "Role",
    ),
    Sample(
        "kms",
        lambda c: c.create_key()["KeyMetadata"]["KeyId"],
        lambda c, made: c.schedule_key_deletion(KeyId=made, PendingWindowInDays=7),
        "Key",
    ),
    Sample(
        "ssm",
        lambda c: c.put_parameter(Name="/sampled", Value="1", Type="String"),
        lambda c, _: c.delete_parameter(Name="/sampled"),
        "Parameter",
    ),
    Sample(
        "sns",
        lambda c: c.create_topic(Name="sampled")["TopicArn"],
        lambda c, made: c.delete_topic(TopicArn=made),
        "Topic",
    ),
    Sample(
        "sqs",
        lambda c: c.create_queue(QueueName="sampled")["QueueUrl"],
        lambda c, made: c.delete_queue(QueueUrl=made),
        "Queue",
    ),
    Sample(
        "logs",
        lambda c: c.create_log_group(logGroupName="sampled"),
        lambda c, _: c.delete_log_group(logGroupName="sampled"),
        "LogGroup",
    ),
    Sample(
        "ecr",
        lambda c: c.create_repository(repositoryName="sampled"),
        lambda c, _: c.delete_repository(repositoryName="sampled"),
        "Repository",
    ),
    Sample(
        "events",
        lambda c: c.put_rule(Name="sampled", ScheduleExpression="rate(1 day)"),
        lambda c, _: c.delete_rule(Name="sampled"),
        "Rule",
    ),
    Sample(
        "cloudwatch",
        lambda c: c.put_dashboard(DashboardName="sampled", DashboardBody="{}"),
        lambda c, _: c.delete_dashboards(DashboardNames=["sampled"]),
        "Dashboard",
    ),
    Sample(
        "cloudwatch",
        lambda c: c.put_composite_alarm(AlarmName="sampled", AlarmRule="TRUE"),
        lambda c, _: c.delete_alarms(AlarmNames=["sampled"]),
        "CompositeAlarm",
    ),
    Sample(
        "dynamodb",
        lambda c: c.create_table(
            TableName="sampled",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        ),
        lambda c, _: c.delete_table(TableName="sampled"),
        "Table",
    ),
    Sample(
        "secretsmanager",
        lambda c: c.create_secret(Name="sampled", SecretString="1"),
        lambda c, _: c.delete_secret(SecretId="sampled", ForceDeleteWithoutRecovery=True),
        "Secret",
    ),
    Sample(
        "sagemaker",
        lambda c: c.create_model(ModelName="sampled", ExecutionRoleArn=ROLE, PrimaryContainer={"Image": "a"}),
        lambda c, _: c.delete_model(ModelName="sampled"),
        "Model",
    ),
    Sample(
        "sagemaker",
        lambda c: c.create_model_package_group(ModelPackageGroupName="sampled"),
        lambda c, _: c.delete_model_package_group(ModelPackageGroupName="sampled"),
        "ModelPackageGroup",
    ),
    Sample(
        "glue",
        lambda c: c.create_database(DatabaseInput={"Name": "sampled"}),
        lambda c, _: c.delete_database(Name="sampled"),
        "Database",
    ),
    Sample(
        "kinesis",
        lambda c: c.create_stream(StreamName="sampled", ShardCount=1),
        lambda c, _: c.delete_stream(StreamName="sampled"),
        "Stream",
    ),
    Sample(
        "iot",
        lambda c: c.create_thing(thingName="sampled"),
        lambda c, _: c.delete_thing(thingName="sampled"),
        "Thing",
    ),
    Sample(
        "budgets",
        lambda c: c.create_budget(
            AccountId="123456789012",
            Budget={
                "BudgetName": "sampled",
                "BudgetType": "COST",
                "TimeUnit": "MONTHLY",
                "BudgetLimit": {"Amount": "1", "Unit": "USD"},
            },
        ),
        lambda c, _: c.delete_budget(AccountId="123456789012", BudgetName="sampled"),
        "Budget",
    ),
]


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudRecord]:
    """A cloud of its own: every other test would be in the way."""
    home = tmp_path_factory.mktemp("inventory")
    yield start("inventory", home, program=ROOT)
    stop("inventory", home)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: f"{sample.service}-{sample.kind}")
def test_a_resource_is_listed_while_it_exists(sample: Sample, fresh: CloudRecord) -> None:
    client = make_client(fresh, sample.service)
    before = inventory(fresh)
    made = sample.make(client)
    new = [one for one in inventory(fresh) if one not in before]
    assert [(one["service"], one["account"]) for one in new if one["type"] == sample.kind] == [
        (sample.service, "123456789012")
    ], new
    sample.delete(client, made)
    assert inventory(fresh) == before


def test_an_alias_of_a_key_and_a_metric_filter_are_resources_though_moto_keeps_plain_names(fresh: CloudRecord) -> None:
    kms, logs = make_client(fresh, "kms"), make_client(fresh, "logs")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/sampled", TargetKeyId=key)
    logs.create_log_group(logGroupName="sampled")
    logs.put_metric_filter(
        logGroupName="sampled",
        filterName="errors",
        filterPattern="ERROR",
        metricTransformations=[{"metricName": "errors", "metricNamespace": "n", "metricValue": "1"}],
    )
    ids = {one["id"] for one in inventory(fresh)}
    assert {"alias/sampled", "errors"} <= ids, ids
    logs.delete_metric_filter(logGroupName="sampled", filterName="errors")
    logs.delete_log_group(logGroupName="sampled")
    kms.delete_alias(AliasName="alias/sampled")
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    assert inventory(fresh) == []


def test_history_is_no_resource(fresh: CloudRecord) -> None:
    make_client(fresh, "cloudwatch").put_metric_data(Namespace="n", MetricData=[{"MetricName": "m", "Value": 1.0}])
    make_client(fresh, "sts").assume_role(RoleArn=ROLE, RoleSessionName="test")
    assert inventory(fresh) == []


def test_a_backend_that_stands_for_another_does_not_hold_the_first_request_of_a_region_up(fresh: CloudRecord) -> None:
    batch = make_client(fresh, "batch", "eu-central-1")
    assert batch.describe_compute_environments()["computeEnvironments"] == []


def test_regions_are_told_apart(fresh: CloudRecord) -> None:
    topics = {region: make_client(fresh, "sns", region) for region in ("us-east-1", "eu-west-1")}
    arns = {region: client.create_topic(Name="sampled")["TopicArn"] for region, client in topics.items()}
    assert {(one["region"], one["id"]) for one in inventory(fresh)} == set(arns.items())
    for region, client in topics.items():
        client.delete_topic(TopicArn=arns[region])
    assert inventory(fresh) == []


def test_a_key_that_aws_makes_for_a_service_is_no_resource(fresh: CloudRecord) -> None:
    ec2, kms = make_client(fresh, "ec2"), make_client(fresh, "kms")
    volume = ec2.create_volume(AvailabilityZone="us-east-1a", Size=1, Encrypted=True)["VolumeId"]
    assert "alias/aws/ebs" in {alias["AliasName"] for alias in kms.list_aliases()["Aliases"]}
    ec2.delete_volume(VolumeId=volume)
    assert inventory(fresh) == []
