"""One execution of a SageMaker Pipeline: its steps in the order of the definition, each on this cloud's own services.

moto keeps executions and calls each done at once. Here jobs really train, a condition reads what they measured, and a
failed step fails the execution. Knows the steps and functions that SageMaker documents for jobs, registration and
conditions, and says so of any other.
"""

import operator
import re
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from infra.localcloud.cloud import Payload

POLL_SECONDS = 0.2
COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "Equals": operator.eq,
    "GreaterThan": operator.gt,
    "GreaterThanOrEqualTo": operator.ge,
    "LessThan": operator.lt,
    "LessThanOrEqualTo": operator.le,
}
# `ModelArtifacts`, `['loss']` or `[0]` of a path.
PART = re.compile(r"([A-Za-z]\w*)|\['([^']+)'\]|\[(\d+)\]")


class StepFailedError(Exception):
    """A step ended otherwise than it should; the execution ends with it."""


class PipelineRun:
    """An execution: its status, its steps as ListPipelineExecutionSteps tells them, the newest last."""

    def __init__(self, sagemaker: Any, id: str, definition: Payload, parameters: Mapping[str, Any]) -> None:
        self._sagemaker, self._id, self._definition = sagemaker, id, definition
        defaults = {one["Name"]: one.get("DefaultValue") for one in definition.get("Parameters", ())}
        self._known: Payload = {"Parameters": {**defaults, **parameters}, "Execution": {"PipelineExecutionId": id}}
        self._known["Steps"] = {}
        self.status, self.reason = "Executing", ""
        self.steps: list[Payload] = []

    def run(self) -> None:
        """Take the steps, one after the other."""
        try:
            self._take(self._definition["Steps"])
            self.status = "Succeeded"
        except Exception as error:
            # Whatever it was, who asks for the execution must be told; nobody waits for this thread.
            self.status, self.reason = "Failed", str(error)

    def _take(self, steps: Sequence[Payload]) -> None:
        kinds = {
            "Training": self._train,
            "Condition": self._decide,
            "RegisterModel": self._register,
            "Fail": self._fail,
        }
        for step in steps:
            told: Payload = {"StepName": step["Name"], "StartTime": datetime.now(UTC), "StepStatus": "Executing"}
            self.steps.append(told)
            try:
                if step["Type"] not in kinds:
                    raise StepFailedError(f"this cloud takes no step of type {step['Type']}")
                told["Metadata"] = kinds[step["Type"]](step)
                told["StepStatus"] = "Succeeded"
            except Exception as error:
                told.update(StepStatus="Failed", FailureReason=str(error))
                raise
            finally:
                told["EndTime"] = datetime.now(UTC)
            if step["Type"] == "Condition":
                chosen = "IfSteps" if told["Metadata"]["Condition"]["Outcome"] == "True" else "ElseSteps"
                self._take(step["Arguments"].get(chosen, ()))

    def _train(self, step: Payload) -> Payload:
        name = f"pipelines-{self._id}-{step['Name'][:20]}-{secrets.token_hex(5)}"
        arn = self._sagemaker.create_training_job(TrainingJobName=name, **self._resolved(step["Arguments"]))
        while True:
            job = self._sagemaker.describe_training_job(TrainingJobName=name)
            if job["TrainingJobStatus"] not in {"InProgress", "Stopping"}:
                break
            time.sleep(POLL_SECONDS)
        if job["TrainingJobStatus"] != "Completed":
            raise StepFailedError(f"{name}: {job['TrainingJobStatus']}: {job.get('FailureReason', 'no reason given')}")
        self._known["Steps"][step["Name"]] = job
        return {"TrainingJob": {"Arn": arn["TrainingJobArn"]}}

    def _decide(self, step: Payload) -> Payload:
        holds = all(
            COMPARISONS[one["Type"]](self._resolved(one["LeftValue"]), self._resolved(one["RightValue"]))
            for one in step["Arguments"]["Conditions"]
        )
        return {"Condition": {"Outcome": str(holds)}}

    def _register(self, step: Payload) -> Payload:
        answer = self._sagemaker.create_model_package(**self._resolved(step["Arguments"]))
        self._known["Steps"][step["Name"]] = answer
        return {"RegisterModel": {"Arn": answer["ModelPackageArn"]}}

    def _fail(self, step: Payload) -> Payload:
        raise StepFailedError(str(self._resolved(step["Arguments"]["ErrorMessage"])))

    def _resolved(self, value: Any) -> Any:
        """Return a value with what it looks up in its place."""
        match value:
            case {"Get": str(path)}:
                return self._found(path)
            case {"Std:Join": {"On": on, "Values": values}}:
                return str(on).join(str(self._resolved(one)) for one in values)
            case dict():
                return {name: self._resolved(one) for name, one in value.items()}
            case list():
                return [self._resolved(one) for one in value]
        return value

    def _found(self, path: str) -> Any:
        found: Any = self._known
        for name, key, place in PART.findall(path):
            try:
                if place:
                    found = found[int(place)]
                elif isinstance(found, list):
                    # Of the final metrics, the one of that name.
                    found = next(one for one in found if one["MetricName"] == key)
                else:
                    found = found[name or key]
            except (KeyError, IndexError, StopIteration) as error:
                raise StepFailedError(f"{path} is not there: {name or key or place}") from error
        return found
