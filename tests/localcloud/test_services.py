"""Operations that this project answers, asked with boto3 as a user would."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.s3.models import FakeKey

from infra.localcloud.cloud import Cloud
from infra.localcloud.event_log import EventLog
from infra.localcloud.operations import AwsError, Context
from infra.localcloud.services import budgets
from infra.localcloud.services.cloudwatch_composite_alarms import evaluate
from tests.localcloud.conftest import Clients

ACCOUNT = "123456789012"


def code_of(call: Any, **params: Any) -> str:
    with pytest.raises(ClientError) as raised:
        call(**params)
    return str(raised.value.response["Error"]["Code"])


def test_a_launch_template_tells_the_tags_it_has_now(client: Clients) -> None:
    ec2 = client("ec2")
    given = {"ResourceType": "launch-template", "Tags": [{"Key": "owner", "Value": "us"}]}
    made = ec2.create_launch_template(
        LaunchTemplateName="tagged", LaunchTemplateData={"InstanceType": "t3.micro"}, TagSpecifications=[given]
    )
    identifier = made["LaunchTemplate"]["LaunchTemplateId"]
    ec2.create_tags(Resources=[identifier], Tags=[{"Key": "owner", "Value": "others"}])
    (template,) = ec2.describe_launch_templates(LaunchTemplateIds=[identifier])["LaunchTemplates"]
    assert template["Tags"] == [{"Key": "owner", "Value": "others"}]
    ec2.delete_launch_template(LaunchTemplateId=identifier)


def test_an_object_is_hashed_when_nobody_reads_it() -> None:
    import infra.localcloud.services.s3_etags  # noqa: F401 - it mends moto's keys

    key = FakeKey("state", b"content", account_id=ACCOUNT, region_name="us-east-1")
    hashing = Thread(target=lambda: key.etag)
    with key.lock:
        hashing.start()
        hashing.join(0.2)
        assert hashing.is_alive()
    hashing.join()
    assert key.etag == f'"{hashlib.md5(b"content").hexdigest()}"'


class TestModelRegistry:
    def test_versions_count_up_and_a_deleted_number_is_not_given_again(self, client: Clients) -> None:
        sagemaker = client("sagemaker")
        sagemaker.create_model_package_group(ModelPackageGroupName="counting", Tags=[{"Key": "a", "Value": "1"}])
        arns = [sagemaker.create_model_package(ModelPackageGroupName="counting")["ModelPackageArn"] for _ in range(2)]
        sagemaker.delete_model_package(ModelPackageName=arns[1])
        third = sagemaker.create_model_package(ModelPackageGroupName="counting")["ModelPackageArn"]
        assert [arn.rsplit("/", 1)[-1] for arn in (*arns, third)] == ["1", "2", "3"]

    def test_a_version_is_approved_and_otherwise_stays_as_it_was_registered(self, client: Clients) -> None:
        sagemaker = client("sagemaker")
        sagemaker.create_model_package_group(ModelPackageGroupName="approving")
        specification = {
            "Containers": [{"Image": "image:1", "ModelDataUrl": "s3://models/model.tar.gz"}],
            "SupportedContentTypes": ["application/json"],
            "SupportedResponseMIMETypes": ["application/json"],
        }
        arn = sagemaker.create_model_package(
            ModelPackageGroupName="approving",
            InferenceSpecification=specification,
            CustomerMetadataProperties={"accuracy": "0.8"},
            Tags=[{"Key": "model", "Value": "reviews"}],
        )["ModelPackageArn"]
        before = sagemaker.describe_model_package(ModelPackageName=arn)
        assert before["ModelApprovalStatus"] == "PendingManualApproval"
        assert before["InferenceSpecification"] == specification
        assert (datetime.now(UTC) - before["CreationTime"]).total_seconds() < 60
        sagemaker.update_model_package(
            ModelPackageArn=arn,
            ModelApprovalStatus="Approved",
            ApprovalDescription="gates passed",
            CustomerMetadataProperties={"signed": "yes"},
        )
        after = sagemaker.describe_model_package(ModelPackageName=arn)
        assert (after["ModelApprovalStatus"], after["ApprovalDescription"]) == ("Approved", "gates passed")
        assert after["CustomerMetadataProperties"] == {"accuracy": "0.8", "signed": "yes"}
        assert after["InferenceSpecification"] == specification
        assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "model", "Value": "reviews"}]

    def test_the_newest_approved_version_is_found(self, client: Clients) -> None:
        sagemaker = client("sagemaker")
        sagemaker.create_model_package_group(ModelPackageGroupName="finding")
        for status in ("Approved", "Approved", "Rejected", "PendingManualApproval"):
            sagemaker.create_model_package(ModelPackageGroupName="finding", ModelApprovalStatus=status)
        found = sagemaker.list_model_packages(
            ModelPackageGroupName="finding",
            ModelApprovalStatus="Approved",
            SortBy="CreationTime",
            SortOrder="Descending",
        )["ModelPackageSummaryList"]
        assert [one["ModelPackageVersion"] for one in found] == [2, 1]

    def test_a_group_with_versions_cannot_be_deleted(self, client: Clients) -> None:
        sagemaker = client("sagemaker")
        sagemaker.create_model_package_group(ModelPackageGroupName="holding")
        arn = sagemaker.create_model_package(ModelPackageGroupName="holding")["ModelPackageArn"]
        assert code_of(sagemaker.delete_model_package_group, ModelPackageGroupName="holding") == "ConflictException"
        sagemaker.delete_model_package(ModelPackageName=arn)
        sagemaker.delete_model_package_group(ModelPackageGroupName="holding")
        described = code_of(sagemaker.describe_model_package_group, ModelPackageGroupName="holding")
        assert described == "ValidationException"


class TestS3:
    def test_a_lock_is_taken_by_one_only(self, client: Clients) -> None:
        s3 = client("s3")
        s3.create_bucket(Bucket="locking")
        s3.put_object(Bucket="locking", Key="state.tflock", Body=b"first", IfNoneMatch="*")
        second = {"Bucket": "locking", "Key": "state.tflock", "Body": b"second", "IfNoneMatch": "*"}
        assert code_of(s3.put_object, **second) == "PreconditionFailed"
        s3.delete_object(Bucket="locking", Key="state.tflock")
        s3.put_object(**second)

    def test_only_tls_is_no_ban_on_the_loopback_and_reads_back_whole(self, client: Clients) -> None:
        s3 = client("s3")
        s3.create_bucket(Bucket="guarded")
        policy = (
            '{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:*",'
            ' "Resource": "arn:aws:s3:::guarded/*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]}'
        )
        s3.put_bucket_policy(Bucket="guarded", Policy=policy)
        s3.put_object(Bucket="guarded", Key="a", Body=b"1")
        assert s3.get_object(Bucket="guarded", Key="a")["Body"].read() == b"1"
        assert s3.get_bucket_policy(Bucket="guarded")["Policy"] == policy
        s3.delete_bucket_policy(Bucket="guarded")
        assert code_of(s3.get_bucket_policy, Bucket="guarded") == "NoSuchBucketPolicy"

    def test_deleting_a_setting_leaves_the_bucket(self, client: Clients) -> None:
        s3 = client("s3")
        s3.create_bucket(Bucket="settings")
        s3.put_bucket_metrics_configuration(Bucket="settings", Id="all", MetricsConfiguration={"Id": "all"})
        listed = s3.list_bucket_metrics_configurations(Bucket="settings")["MetricsConfigurationList"]
        assert listed == [{"Id": "all"}]
        s3.delete_bucket_metrics_configuration(Bucket="settings", Id="all")
        gone = code_of(s3.get_bucket_metrics_configuration, Bucket="settings", Id="all")
        assert gone == "NoSuchConfiguration"
        s3.head_bucket(Bucket="settings")

    @pytest.mark.parametrize("key", ["plain", "with space+plus", "ünïcode", "a//b", "percent%20", "trailing/"])
    def test_keys_and_metadata_survive_the_way_through_the_server(self, key: str, client: Clients) -> None:
        s3 = client("s3")
        s3.create_bucket(Bucket="keys")
        s3.put_object(Bucket="keys", Key=key, Body=b"\x00\xff" * 1000, Metadata={"under_score": "v", "da-sh": "w"})
        found = s3.get_object(Bucket="keys", Key=key)
        assert found["Body"].read() == b"\x00\xff" * 1000
        assert found["Metadata"] == {"under_score": "v", "da-sh": "w"}
        assert key in [one["Key"] for one in s3.list_objects_v2(Bucket="keys")["Contents"]]


class TestCompositeAlarms:
    @pytest.mark.parametrize(
        ("rule", "holds"),
        [
            ("ALARM(a)", True),
            ('ALARM("a")', True),
            ("ALARM(arn:aws:cloudwatch:us-east-1:1:alarm:a)", True),
            ("OK(a)", False),
            ("INSUFFICIENT_DATA(nobody)", True),
            ("NOT ALARM(a) OR OK(b)", True),
            ("ALARM(b) OR ALARM(a) AND OK(b)", True),
            ("(ALARM(b) OR ALARM(a)) AND NOT OK(b)", False),
            ("TRUE AND NOT FALSE", True),
        ],
    )
    def test_a_rule_is_evaluated_as_documented(self, rule: str, holds: bool) -> None:
        assert evaluate(rule, {"a": "ALARM", "b": "OK"}) is holds

    @pytest.mark.parametrize("rule", ["", "ALARM(a", "ALARM(a) AND", "ALARM(a) ALARM(b)", "MAYBE(a)", "(TRUE", "TRUE)"])
    def test_a_rule_that_cannot_be_read_is_refused(self, rule: str) -> None:
        with pytest.raises(AwsError, match="AlarmRule is not valid"):
            evaluate(rule, {})

    def test_the_state_follows_the_alarms_it_is_made_of(self, client: Clients) -> None:
        cloudwatch = client("cloudwatch")
        cloudwatch.put_metric_alarm(
            AlarmName="part", ComparisonOperator="GreaterThanThreshold", EvaluationPeriods=1, Threshold=1
        )
        cloudwatch.put_composite_alarm(AlarmName="whole", AlarmRule="ALARM(part)", Tags=[{"Key": "a", "Value": "1"}])

        def state() -> str:
            found = cloudwatch.describe_alarms(AlarmNames=["whole"], AlarmTypes=["CompositeAlarm"])
            return str(found["CompositeAlarms"][0]["StateValue"])

        assert state() == "OK"
        cloudwatch.set_alarm_state(AlarmName="part", StateValue="ALARM", StateReason="test")
        assert state() == "ALARM"
        arn = cloudwatch.describe_alarms(AlarmTypes=["CompositeAlarm"])["CompositeAlarms"][0]["AlarmArn"]
        assert cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "a", "Value": "1"}]
        assert "part" in [one["AlarmName"] for one in cloudwatch.describe_alarms()["MetricAlarms"]]
        cloudwatch.delete_alarms(AlarmNames=["part", "whole"])
        assert cloudwatch.describe_alarms(AlarmTypes=["CompositeAlarm"])["CompositeAlarms"] == []


def test_a_budget_keeps_its_thresholds_and_subscribers(client: Clients) -> None:
    service = client("budgets")
    budget = {
        "BudgetName": "spending",
        "BudgetType": "COST",
        "TimeUnit": "MONTHLY",
        "BudgetLimit": {"Amount": "10", "Unit": "USD"},
    }
    threshold = {"NotificationType": "ACTUAL", "ComparisonOperator": "GREATER_THAN", "Threshold": 80.0}
    people = [{"SubscriptionType": "EMAIL", "Address": "a@example.com"}]
    notifications = [{"Notification": threshold, "Subscribers": people}]
    service.create_budget(AccountId=ACCOUNT, Budget=budget, NotificationsWithSubscribers=notifications)
    here = {"AccountId": ACCOUNT, "BudgetName": "spending"}
    found = service.describe_budget(**here)["Budget"]
    assert found["BudgetLimit"] == {"Amount": "10", "Unit": "USD"}
    assert found["TimePeriod"]["Start"].day == 1
    kept = service.describe_notifications_for_budget(**here)["Notifications"]
    assert [one["Threshold"] for one in kept] == [80.0]
    subscribers = service.describe_subscribers_for_notification(**here, Notification=threshold)["Subscribers"]
    assert subscribers == people
    assert code_of(service.create_budget, AccountId=ACCOUNT, Budget=budget) == "DuplicateRecordException"
    service.delete_budget(**here)
    assert code_of(service.describe_budget, **here) == "NotFoundException"


class CostExplorerOfOneDollarAMonth:
    """Stands for the meter: answers every question with 1.25 + 0.25 dollars and remembers it."""

    def __init__(self) -> None:
        self.asked: dict[str, Any] = {}

    def get_cost_and_usage(self, **question: Any) -> dict[str, Any]:
        self.asked = question
        amounts = ("1.25", "0.25")
        return {"ResultsByTime": [{"Total": {"UnblendedCost": {"Amount": amount}}} for amount in amounts]}


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, None),
        (
            {"TagKeyValue": ["user:environment$local"]},
            {"Tags": {"Key": "environment", "Values": ["local"]}},
        ),
        (
            {"TagKeyValue": ["user:a$1", "user:b$2"]},
            {"Or": [{"Tags": {"Key": "a", "Values": ["1"]}}, {"Tags": {"Key": "b", "Values": ["2"]}}]},
        ),
    ],
)
def test_a_budget_tells_what_was_spent_of_it(
    filters: dict[str, Any], expected: dict[str, Any] | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    explorer = CostExplorerOfOneDollarAMonth()
    cloud = Cloud(name="unit", folder=tmp_path, url="http://127.0.0.1:1", program=tmp_path, log=EventLog())
    monkeypatch.setattr(cloud, "client", lambda service, region: explorer)
    context = Context(cloud=cloud, service="budgets", region="us-east-1", account=ACCOUNT, forward=lambda _: {})
    budget = {"BudgetName": "b", "BudgetType": "COST", "TimeUnit": "MONTHLY", "CostFilters": filters}
    budgets.create_budget({"Budget": budget}, context)
    found = budgets.describe_budget({"BudgetName": "b"}, context)["Budget"]
    assert float(found["CalculatedSpend"]["ActualSpend"]["Amount"]) == 1.5
    assert explorer.asked.get("Filter") == expected


def test_a_budget_that_this_cloud_cannot_compute_tells_no_amount(client: Clients) -> None:
    by_service = {
        "BudgetName": "unknown",
        "BudgetType": "COST",
        "TimeUnit": "MONTHLY",
        "BudgetLimit": {"Amount": "10", "Unit": "USD"},
        "CostFilters": {"Service": ["Amazon SageMaker"]},
    }
    client("budgets").create_budget(AccountId=ACCOUNT, Budget=by_service)
    found = client("budgets").describe_budget(AccountId=ACCOUNT, BudgetName="unknown")["Budget"]
    assert "CalculatedSpend" not in found
