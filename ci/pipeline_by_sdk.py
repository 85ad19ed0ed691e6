"""The pipeline of ci/pipeline.py as the `sagemaker` SDK's classes write it: `python -m ci.pipeline_by_sdk < JSON`.

A process of its own, for the SDK takes ten seconds to import and wants a region in AWS_DEFAULT_REGION by then.
What each step is asked for is ours, and so are the words; how the steps hang together is said here again, by typed
references, from which the SDK makes the definition. The two prove each other.
"""

import json
import sys
from typing import Any, cast

from sagemaker.core.helper.session_helper import Session
from sagemaker.core.workflow.conditions import ConditionLessThanOrEqualTo
from sagemaker.core.workflow.execution_variables import ExecutionVariables
from sagemaker.core.workflow.functions import Join
from sagemaker.core.workflow.parameters import ParameterString
from sagemaker.core.workflow.properties import Properties
from sagemaker.mlops.workflow.condition_step import ConditionStep
from sagemaker.mlops.workflow.fail_step import FailStep
from sagemaker.mlops.workflow.pipeline import Pipeline
from sagemaker.mlops.workflow.retry import (
    SageMakerJobExceptionTypeEnum,
    SageMakerJobStepRetryPolicy,
    StepExceptionTypeEnum,
    StepRetryPolicy,
)
from sagemaker.mlops.workflow.steps import ConfigurableRetryStep, StepTypeEnum

FAULT, THROTTLING = StepExceptionTypeEnum.SERVICE_FAULT, StepExceptionTypeEnum.THROTTLING
CAPACITY = SageMakerJobExceptionTypeEnum.CAPACITY_ERROR


class Request(ConfigurableRetryStep):  # type: ignore[misc]
    """A step whose request is known: the SDK's own would make it of a trainer, with defaults that are not ours."""

    def __init__(
        self, name: str, kind: StepTypeEnum, request: dict[str, Any], retries: list[Any] | None = None
    ) -> None:
        super().__init__(name=name, step_type=kind, retry_policies=retries)
        self._request = request

    @property
    def arguments(self) -> dict[str, Any]:
        """The request."""
        return self._request

    @property
    def properties(self) -> Any:
        """What later steps may refer to."""
        return Properties(step_name=self.name, step=self, shape_name="DescribeTrainingJobResponse")


def authored(name: str, objections: str, definition: dict[str, Any]) -> str:
    """Return the definition that the SDK writes with the requests of this one; `objections` is the metric that counts.

    The requests are changed on the way.
    """
    asked_to_train, asked_to_optimize, gate = (step["Arguments"] for step in definition["Steps"])
    (register,), (refuse,), (condition,) = gate["IfSteps"], gate["ElseSteps"], gate["Conditions"]
    (parameter,) = definition["Parameters"]
    recipe = ParameterString(name=parameter["Name"], default_value=parameter["DefaultValue"])
    train, optimize = _job("Train", asked_to_train, recipe), _job("Optimize", asked_to_optimize, recipe)
    sources = {one["ChannelName"]: one["DataSource"]["S3DataSource"] for one in asked_to_optimize["InputDataConfig"]}
    sources["model"]["S3Uri"] = train.properties.ModelArtifacts.S3ModelArtifacts
    (container,) = register["Arguments"]["InferenceSpecification"]["Containers"]
    container["ModelDataUrl"] = optimize.properties.ModelArtifacts.S3ModelArtifacts
    register["Arguments"]["CustomerMetadataProperties"]["job"] = optimize.properties.TrainingJobName
    counted = optimize.properties.FinalMetricDataList[objections].Value
    evaluate = ConditionStep(
        name="Evaluate",
        conditions=[ConditionLessThanOrEqualTo(left=counted, right=condition["RightValue"])],
        if_steps=[Request("Register", StepTypeEnum.REGISTER_MODEL, register["Arguments"], [])],
        else_steps=[FailStep(name="Refuse", error_message=refuse["Arguments"]["ErrorMessage"])],
    )
    pipeline = Pipeline(
        name=name, parameters=[recipe], steps=[train, optimize, evaluate], pipeline_experiment_config=None,
        sagemaker_session=Session(),
    )  # fmt: skip
    return cast(str, pipeline.definition())


def _job(name: str, request: dict[str, Any], recipe: ParameterString) -> Request:
    request["HyperParameters"]["recipe"] = recipe
    place = request["CheckpointConfig"]["S3Uri"]["Std:Join"]["Values"][0]
    request["CheckpointConfig"]["S3Uri"] = Join(on="/", values=[place, ExecutionVariables.PIPELINE_EXECUTION_ID])
    retries = [
        StepRetryPolicy([FAULT], 2.0, 5, 5),
        StepRetryPolicy([THROTTLING], 2.0, 5, 5),
        SageMakerJobStepRetryPolicy([CAPACITY], None, 2.0, 300, 8),
    ]
    return Request(name, StepTypeEnum.TRAINING, request, retries)


if __name__ == "__main__":
    print(authored(**json.load(sys.stdin)))
