"""What SageMaker answers about training jobs, besides running them."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

Train = Callable[..., Any]
Client = Callable[[str], Any]


def test_what_sagemaker_refuses(train: Train, client: Client, bucket: str) -> None:
    first = train("", TrainingJobName="twice")
    with pytest.raises(ClientError, match=r"ResourceInUse.*already exists"):
        train("", TrainingJobName="twice")
    first.ended()
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/nothing/"}}
    nothing = {"ChannelName": "training", "DataSource": source}
    with pytest.raises(ClientError, match=f'No S3 objects found under S3 URL "s3://{bucket}/nothing/"'):
        train("", InputDataConfig=[nothing])
    with pytest.raises(ClientError, match=r"ml\.m5\.larg"):
        train("", ResourceConfig={"InstanceType": "ml.m5.larg", "InstanceCount": 1, "VolumeSizeInGB": 1})
    with pytest.raises(ClientError, match="Requested resource not found"):
        client("sagemaker").describe_training_job(TrainingJobName="never-made")


def test_jobs_are_listed_newest_first_tagged_and_deleted(train: Train, client: Client) -> None:
    sagemaker = client("sagemaker")
    old, new = (
        train("", TrainingJobName=f"listed-{age}", Tags=[{"Key": "age", "Value": age}]) for age in ("old", "new")
    )
    for job in (old, new):
        job.ended()
    page = sagemaker.list_training_jobs(NameContains="listed-", MaxResults=1)
    assert [job["TrainingJobName"] for job in page["TrainingJobSummaries"]] == ["listed-new"]
    page = sagemaker.list_training_jobs(NameContains="listed-", MaxResults=1, NextToken=page["NextToken"])
    assert [job["TrainingJobName"] for job in page["TrainingJobSummaries"]] == ["listed-old"]
    assert "NextToken" not in page
    arn = old.describe()["TrainingJobArn"]
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "more", "Value": "yes"}])
    assert {tag["Key"] for tag in sagemaker.list_tags(ResourceArn=arn)["Tags"]} == {"age", "more"}
    sagemaker.delete_training_job(TrainingJobName=old.name)
    with pytest.raises(ClientError, match="Requested resource not found"):
        old.describe()
