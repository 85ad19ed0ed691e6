"""Addresses can be read, and two of one name are an error instead of a lost resource."""

import json
from pathlib import Path

import pytest
from cdktf_cdktf_provider_aws.s3_bucket import S3Bucket
from cdktf_cdktf_provider_aws.sns_topic import SnsTopic
from cdktf_cdktf_provider_aws.sns_topic_policy import SnsTopicPolicy
from constructs import Construct

import environments
from infra.spec import AwsAccount
from infra.spec.errors import ToolkitError
from infra.toolkit import Stack, new_app


def addresses(outdir: Path) -> set[str]:
    (file,) = outdir.glob("stacks/*/cdk.tf.json")
    return {f"{type_}.{name}" for type_, named in json.loads(file.read_text())["resource"].items() for name in named}


def test_address_is_the_path_less_what_the_type_says(tmp_path: Path) -> None:
    with new_app(tmp_path) as app:
        stack = Stack(app, environments.load("local"), "us-east-1", "network")
        S3Bucket(stack, "data")
        group = Construct(stack, "alarms")
        topic = SnsTopic(group, "topic")
        SnsTopic(group, "second")
        SnsTopicPolicy(group, "policy", arn=topic.arn, policy="{}")
    assert addresses(tmp_path) == {
        "aws_s3_bucket.data",
        "aws_sns_topic.alarms",
        "aws_sns_topic.alarms_second",
        "aws_sns_topic_policy.alarms",
    }


def test_two_resources_of_one_address_are_an_error(tmp_path: Path) -> None:
    def build() -> None:
        with new_app(tmp_path) as app:
            stack = Stack(app, environments.load("local"), "us-east-1", "network")
            S3Bucket(stack, "a_b")
            S3Bucket(Construct(stack, "a"), "b")

    with pytest.raises(ToolkitError) as caught:
        build()
    assert str(caught.value) == (
        "resource: 'local-us-east-1-network/a/b' has the address aws_s3_bucket.a_b, which is that of "
        "'local-us-east-1-network/a_b'; rename one of the two"
    )


def test_errors_of_the_toolkit_itself_are_not_hidden(tmp_path: Path) -> None:
    def build() -> None:
        with new_app(tmp_path) as app:
            stack = Stack(app, environments.load("local"), "us-east-1", "network")
            S3Bucket(stack, "a")
            S3Bucket(stack, "a")

    with pytest.raises(RuntimeError, match="already a Construct with name 'a'"):
        build()


def test_account_is_reached_through_its_role(tmp_path: Path) -> None:
    role = "arn:aws:iam::555555555555:role/deploy"
    environment = environments.load("dev").model_copy(update={"target": AwsAccount(role_arn=role)})
    with new_app(tmp_path) as app:
        Stack(app, environment, "us-east-1", "network")
    (file,) = tmp_path.glob("stacks/*/cdk.tf.json")
    content = json.loads(file.read_text())
    assert content["provider"]["aws"][0]["assume_role"] == [{"role_arn": role}]
    assert content["terraform"]["backend"]["s3"]["assume_role"] == {"role_arn": role}
