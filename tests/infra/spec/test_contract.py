"""The hand-over survives its way through a parameter's text."""

import pytest
from pydantic import ValidationError

from infra.spec.contract import ServingContract, TrainingContract

TRAINING = TrainingContract(
    role_arn="arn:aws:iam::123456789012:role/training",
    image_uri="123456789012.dkr.ecr.us-east-1.amazonaws.com/groundplan-local:v1",
    data_bucket="data",
    artifact_bucket="artifacts",
    kms_key_arn="arn:aws:kms:us-east-1:123456789012:key/k",
    instance_type="ml.m5.large",
    volume_gb=30,
    max_runtime_seconds=60,
    spot=True,
    events_queue="groundplan-local-job-events",
    subnet_ids=("subnet-1", "subnet-2"),
    security_group_ids=("sg-1",),
)


def test_round_trip() -> None:
    assert TrainingContract.model_validate_json(TRAINING.model_dump_json()) == TRAINING


def test_a_later_field_is_refused_by_an_older_reader() -> None:
    with pytest.raises(ValidationError, match="extra"):
        TrainingContract.model_validate(TRAINING.model_dump() | {"colour": "red"})


def test_both_sides_agree_on_the_parameter() -> None:
    assert TrainingContract.parameter_name("groundplan", "local") == "/groundplan/local/training"
    assert ServingContract.parameter_name("groundplan", "local", "reviews") == "/groundplan/local/endpoints/reviews"
