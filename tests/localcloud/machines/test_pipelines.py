"""SageMaker Pipelines run: jobs train, conditions read what they measured, and what passed is registered."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from infra.localcloud.machines.pipeline_run import PipelineRun

ROLE = "arn:aws:iam::123456789012:role/pipelines"
GET_MODEL = {"Get": "Steps.Train.ModelArtifacts.S3ModelArtifacts"}
Client = Callable[[str], Any]
Wait = Callable[..., None]


def job(code: Any, bucket: str) -> dict[str, Any]:
    """A step that runs the code and takes `loss=…` off its log."""
    metric = {"Name": "final:loss", "Regex": r"loss=([0-9.]+)"}
    return {
        "Name": "Train",
        "Type": "Training",
        "Arguments": {
            "RoleArn": ROLE,
            "AlgorithmSpecification": {
                "TrainingImage": "i",
                "TrainingInputMode": "File",
                "MetricDefinitions": [metric],
            },
            "OutputDataConfig": {"S3OutputPath": {"Std:Join": {"On": "/", "Values": [f"s3://{bucket}", "piped"]}}},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
            "StoppingCondition": {"MaxRuntimeInSeconds": 60},
            "HyperParameters": {"code": code},
        },
    }


def chosen(group: str) -> dict[str, Any]:
    """A step that registers the model where its loss is at most a half."""
    container = {"Image": "i", "ModelDataUrl": GET_MODEL}
    types = {name: ["application/json"] for name in ("SupportedContentTypes", "SupportedResponseMIMETypes")}
    register = {"ModelPackageGroupName": group, "InferenceSpecification": {"Containers": [container], **types}}
    found = {"Get": "Steps.Train.FinalMetricDataList['final:loss'].Value"}
    return {
        "Name": "Evaluate",
        "Type": "Condition",
        "Arguments": {
            "Conditions": [{"Type": "LessThanOrEqualTo", "LeftValue": found, "RightValue": 0.5}],
            "IfSteps": [{"Name": "Register", "Type": "RegisterModel", "Arguments": register}],
            "ElseSteps": [{"Name": "Refuse", "Type": "Fail", "Arguments": {"ErrorMessage": "too far off"}}],
        },
    }


@pytest.mark.parametrize(
    ("parameters", "status", "steps", "reason"),
    [
        ([], "Succeeded", {"Train": "Succeeded", "Evaluate": "Succeeded", "Register": "Succeeded"}, None),
        (
            [("Loss", "0.9")],
            "Failed",
            {"Train": "Succeeded", "Evaluate": "Succeeded", "Refuse": "Failed"},
            "too far off",
        ),
        ([("Loss", "0.1'); raise SystemExit(3)#")], "Failed", {"Train": "Failed"}, "Failed: "),
    ],
)
def test_an_execution_does_what_its_definition_says(
    parameters: list[tuple[str, str]],
    status: str,
    steps: dict[str, str],
    reason: str | None,
    client: Client,
    bucket: str,
    wait_until: Wait,
) -> None:
    sagemaker, name = client("sagemaker"), f"pipeline-{uuid.uuid4().hex[:8]}"
    sagemaker.create_model_package_group(ModelPackageGroupName=name)
    code = {"Std:Join": {"On": "", "Values": ["print('loss=", {"Get": "Parameters.Loss"}, "')"]}}
    definition = {
        "Version": "2020-12-01",
        "Parameters": [{"Name": "Loss", "Type": "String", "DefaultValue": "0.25"}],
        "Steps": [job(code, bucket), chosen(name)],
    }
    sagemaker.create_pipeline(
        PipelineName=name, PipelineDefinition=json.dumps(definition), RoleArn=ROLE, ClientRequestToken="x" * 32
    )
    given = [{"Name": key, "Value": value} for key, value in parameters]
    arn = sagemaker.start_pipeline_execution(PipelineName=name, PipelineParameters=given)["PipelineExecutionArn"]
    which = {"PipelineExecutionArn": arn}
    wait_until(lambda: sagemaker.describe_pipeline_execution(**which)["PipelineExecutionStatus"] != "Executing")
    ended = sagemaker.describe_pipeline_execution(**which)
    told = sagemaker.list_pipeline_execution_steps(**which, SortOrder="Ascending")["PipelineExecutionSteps"]
    assert ended["PipelineExecutionStatus"] == status, ended.get("FailureReason")
    assert {step["StepName"]: step["StepStatus"] for step in told} == steps
    assert (reason or "") in ended.get("FailureReason", "")
    (listed,) = sagemaker.list_pipeline_executions(PipelineName=name)["PipelineExecutionSummaries"]
    assert listed["PipelineExecutionStatus"] == status
    packages = sagemaker.list_model_packages(ModelPackageGroupName=name)["ModelPackageSummaryList"]
    assert len(packages) == ("Register" in steps)
    for package in packages:
        known = sagemaker.describe_model_package(ModelPackageName=package["ModelPackageArn"])
        assert known["InferenceSpecification"]["Containers"][0]["ModelDataUrl"].startswith(
            f"s3://{bucket}/piped/pipelines-"
        )


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        ({"Name": "A", "Type": "Lambda"}, "this cloud takes no step of type Lambda"),
        (
            {"Name": "A", "Type": "Fail", "Arguments": {"ErrorMessage": {"Get": "Steps.B.x[0]"}}},
            "Steps.B.x[0] is not there: B",
        ),
    ],
)
def test_what_cannot_be_taken_fails_with_its_reason(step: dict[str, Any], reason: str) -> None:
    run = PipelineRun(None, "1", {"Steps": [step]}, {})
    run.run()
    assert (run.status, run.reason, run.steps[0]["StepStatus"]) == ("Failed", reason, "Failed")
