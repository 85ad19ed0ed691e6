"""SageMaker's operations on executions of pipelines; moto keeps the pipelines, and the list of their executions."""

import json
import threading
from typing import Any

from infra.localcloud.machines.pipeline_run import PipelineRun
from infra.localcloud.operations import AwsError, Context, Payload, after, operation


@operation("sagemaker", "StartPipelineExecution")
def start_execution(params: Payload, context: Context) -> Payload:
    """Record it, and run it beside."""
    answer = context.forward(None)
    arn: str = answer["PipelineExecutionArn"]
    sagemaker = context.cloud.client("sagemaker", context.region)
    described = sagemaker.describe_pipeline(PipelineName=params["PipelineName"].rsplit("/", 1)[-1])
    parameters = {one["Name"]: one["Value"] for one in params.get("PipelineParameters", ())}
    definition: Payload = json.loads(described["PipelineDefinition"])
    run = PipelineRun(sagemaker, arn.rsplit("/", 1)[-1], definition, parameters)
    context.notes("PipelineRun")[arn] = {"run": run}
    threading.Thread(target=run.run, name=f"pipeline {arn}", daemon=True).start()
    return answer


@after("sagemaker", "DescribePipelineExecution")
def tell_status(params: Payload, answer: Payload, context: Context) -> Payload:
    """How it is in truth."""
    run = _run(params, context)
    told: Payload = {**answer, "PipelineExecutionStatus": run.status}
    return {**told, "FailureReason": run.reason} if run.reason else told


@after("sagemaker", "ListPipelineExecutions")
def tell_statuses(_params: Payload, answer: Payload, context: Context) -> Payload:
    """The same in a list."""
    for summary in answer["PipelineExecutionSummaries"]:
        if found := context.notes("PipelineRun").get(summary["PipelineExecutionArn"]):
            summary["PipelineExecutionStatus"] = found["run"].status
            summary.pop("PipelineExecutionFailureReason", None)
    return answer


@operation("sagemaker", "ListPipelineExecutionSteps")
def list_steps(params: Payload, context: Context) -> Payload:
    """Its steps, the newest first unless asked otherwise."""
    steps: list[Any] = list(_run(params, context).steps)
    return {"PipelineExecutionSteps": steps if params.get("SortOrder") == "Ascending" else steps[::-1]}


def _run(params: Payload, context: Context) -> PipelineRun:
    arn = params["PipelineExecutionArn"]
    found = context.notes("PipelineRun").get(arn)
    if found is None:
        raise AwsError("ResourceNotFound", f"Pipeline execution with ARN {arn} does not exist.")
    run: PipelineRun = found["run"]
    return run
