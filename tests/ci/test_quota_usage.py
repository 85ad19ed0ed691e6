"""What of each quota others have taken: what is the environment's own, or takes none, does not count."""

from collections.abc import Mapping
from typing import Any

import pytest

import environments
from ci.quota_usage import used_by_others
from infra.spec.quotas import QuotaNeed
from tests.ci.played_aws import HOME, Answer, site_of

DEV = environments.load("dev")
OWN = {"Tags": [{"Key": "project", "Value": DEV.project}, {"Key": "environment", "Value": DEV.name}]}
ELSE = {"Tags": [{"Key": "project", "Value": DEV.project}, {"Key": "environment", "Value": "staging"}]}
BARE: dict[str, Any] = {}
MINE = f"{DEV.project}-{DEV.name}-mine"


def gateways(asked: Mapping[str, Any]) -> Mapping[str, Any]:
    """NAT gateways in two zones, the states as EC2 filters them; one of a whole region is in no subnet."""
    (states,) = asked["Filter"]
    there = [
        *(("subnet-a", state, ELSE) for state in ("available", "deleting", "deleted", "failed")),
        ("subnet-b", "pending", BARE),
        ("subnet-a", "available", OWN),
    ]
    zonal = [{"SubnetId": subnet, "State": state, **tags} for subnet, state, tags in there if state in states["Values"]]
    return {"NatGateways": [*zonal, {"State": "available", **ELSE}]}


def subnets(asked: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"Subnets": [{"SubnetId": name, "AvailabilityZone": name[-1]} for name in asked["SubnetIds"]]}


def endpoints(asked: Mapping[str, Any]) -> Mapping[str, Any]:
    (kind,) = asked["Filters"]
    there = [("Gateway", ELSE), ("Gateway", BARE), ("Gateway", OWN), ("Interface", ELSE)]
    assert kind["Name"] == "vpc-endpoint-type"
    return {"VpcEndpoints": [{"VpcEndpointType": name, **tags} for name, tags in there if name in kind["Values"]]}


def in_two(key: str, token: str, field: str, first: list[Any], second: list[Any]) -> Any:
    """An answer of two pages, told apart by the token that the second is asked with."""
    return lambda asked: {key: second} if field in asked else {key: first, token: "on"}


def streams(asked: Mapping[str, Any]) -> Mapping[str, Any]:
    names = [MINE, "a", "b"]
    if last := asked.get("ExclusiveStartDeliveryStreamName"):
        assert last == names[-1], "a page begins after the last name of the one before"
        return {"DeliveryStreamNames": ["c"], "HasMoreDeliveryStreams": False}
    return {"DeliveryStreamNames": names, "HasMoreDeliveryStreams": True}


def jobs(asked: Mapping[str, Any]) -> Mapping[str, Any]:
    there = {MINE: "InProgress", "one": "InProgress", "spot": "InProgress", "mixed": "InProgress", "over": "Completed"}
    return {
        "TrainingJobSummaries": [
            {
                "TrainingJobName": name,
                "TrainingJobArn": "arn:aws:sagemaker:::" + name,
                "CreationTime": 0,
                "TrainingJobStatus": state,
            }
            for name, state in there.items()
            if state == asked["StatusEquals"]
        ]
    }


def job(asked: Mapping[str, Any]) -> Mapping[str, Any]:
    name, large = asked["TrainingJobName"], {"InstanceType": "ml.m5.large", "InstanceCount": 2}
    groups = [
        large | {"InstanceGroupName": "a"},
        {"InstanceType": "ml.g5.xlarge", "InstanceCount": 3, "InstanceGroupName": "b"},
    ]
    return JOB | {
        "TrainingJobName": name,
        "ResourceConfig": {"VolumeSizeInGB": 1} | ({"InstanceGroups": groups} if name == "mixed" else large),
        "EnableManagedSpotTraining": name == "spot",
    }


JOB: Mapping[str, Any] = {
    "TrainingJobArn": "arn:aws:sagemaker:us-east-1:123456789012:training-job/x",
    "ModelArtifacts": {"S3ModelArtifacts": "s3://b/k"},
    "TrainingJobStatus": "InProgress",
    "SecondaryStatus": "Training",
    "AlgorithmSpecification": {"TrainingInputMode": "File"},
    "StoppingCondition": {},
    "CreationTime": 0,
}
LARGE, LARGE_SPOT = "ml.m5.large for training job usage", "ml.m5.large for spot training job usage"


@pytest.mark.parametrize(
    ("service", "api", "answers", "used"),
    [
        (
            "vpc",
            "ec2",
            # One of another account's is shared with ours, and counts there.
            {"DescribeVpcs": {"Vpcs": [ELSE, BARE, OWN, {"OwnerId": "999999999999"}, {"OwnerId": DEV.account_id}]}},
            {"VPCs per Region": 3},
        ),
        (
            "vpc",
            "ec2",
            {"DescribeVpcs": {"Vpcs": []}, "DescribeInternetGateways": {"InternetGateways": [ELSE, BARE, OWN]}},
            {"Internet gateways per Region": 2},
        ),
        (
            "vpc",
            "ec2",
            {"DescribeVpcs": {"Vpcs": []}, "DescribeNatGateways": gateways, "DescribeSubnets": subnets},
            {"NAT gateways per Availability Zone": 2},
        ),
        (
            "vpc",
            "ec2",
            {"DescribeVpcs": {"Vpcs": []}, "DescribeVpcEndpoints": endpoints},
            {"Gateway VPC endpoints per Region": 2},
        ),
        (
            "sagemaker",
            "sagemaker",
            {"ListEndpoints": {"Endpoints": []}, "ListTrainingJobs": jobs, "DescribeTrainingJob": job},
            {LARGE: 4, LARGE_SPOT: 2, "ml.g5.xlarge for training job usage": 3},
        ),
        (
            "iotcore",
            "iot",
            {
                "ListTopicRules": in_two(
                    "rules", "nextToken", "nextToken", [{"ruleName": MINE.replace("-", "_")}], [{"ruleName": "a_b"}]
                ),
                "ListRoleAliases": in_two("roleAliases", "nextMarker", "marker", [MINE, "a"], ["b"]),
                "ListProvisioningTemplates": {"templates": [{"templateName": name} for name in (MINE, "a", "b", "c")]},
            },
            {
                "Maximum number of rules per AWS account": 1,
                "Maximum number of AWS IoT Core role aliases": 2,
                "Maximum number of fleet provisioning templates per customer": 3,
            },
        ),
        ("firehose", "firehose", {"ListDeliveryStreams": streams}, {"Delivery streams": 3}),
    ],
)
def test_what_others_use(service: str, api: str, answers: Mapping[str, Answer], used: Mapping[str, int]) -> None:
    needs = [QuotaNeed(service_code=service, quota_code="", name=name, amount=1) for name in used]
    counts = used_by_others(site_of(DEV, **{api: answers}), HOME, service, needs)
    assert {name: count for name, count in counts.items() if count} == used
