"""The way from data to the registry as a SageMaker Pipeline: train, optimize, evaluate, register, without this machine.

Its JSON is written here by SageMaker's schema of 2020-12-01, and put by boto3: the SDK that would write it brings 132
distributions (docs/decisions/pipeline-by-json.md). Its jobs are those that `train` and `optimize` start.
"""

import hashlib
import json
import secrets
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ci import jobs
from ci.child_environment import child_environment
from ci.contracts import endpoints_of, training_contract
from ci.data import in_bucket
from ci.errors import CommandError, MissingToolError, WorkError
from ci.jobs import JobRequest
from ci.progress import QUIET, Progress
from ci.result import Result
from ci.site import Site
from ci.train import prepared
from ci.workspace import ROOT
from infra.naming import Names

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

VERSION = "2020-12-01"
# A reclaimed or full zone is asked again; a job that fails by itself is not.
RETRIES = [
    {"ExceptionType": [kind], "IntervalSeconds": seconds, "BackoffRate": 2.0, "MaxAttempts": attempts}
    for kind, seconds, attempts in (
        ("Step.SERVICE_FAULT", 5, 5),
        ("Step.THROTTLING", 5, 5),
        ("SageMaker.CAPACITY_ERROR", 300, 8),
    )
]
RECIPE, OBJECTIONS = "Recipe", "objections"


class PipelineResult(Result):
    """A pipeline: its name, what it is made of, and its ARN where it was put."""

    name: str
    definition: dict[str, Any]
    arn: str | None = None
    # Of an execution that was started: its ARN, and step → how it ended.
    execution: str | None = None
    steps: dict[str, str] | None = None


def pipeline(
    site: Site,
    model: str,
    *,
    recipe: str = "laptop",
    optimization: str = "exact",
    by_sdk: bool = False,
    upsert: bool = False,
    start: bool = False,
    progress: Progress = QUIET,
) -> PipelineResult:
    """Return the pipeline of a model; with `upsert` make it, or bring the one that is there to this; `start` it then.

    With `by_sdk` the definition is the one that the `sagemaker` SDK writes, refused where it says something else.

    Raises `WorkError` with the failed step's reason. An execution goes on whether it is followed or not.
    """
    from ml.contract import ELSEWHERE_CHANNEL
    from ml.models import catalogue

    # Raises an error with the nearest names before anything is brought to S3.
    elsewhere = catalogue.optimization(model, optimization).elsewhere
    request, _ = prepared(site, model, recipe, {}, progress)
    more = {ELSEWHERE_CHANNEL: in_bucket(site, model, progress, part="elsewhere")[0]} if elsewhere else {}
    name = Names.of(site.environment, site.home_region.name).regional(model)
    found = PipelineResult(name=name, definition=_definition(site, request, optimization, more))
    if by_sdk:
        found = found.model_copy(update={"definition": _by_sdk(site, found)})
    if not (upsert or start):
        return found
    put = found.model_copy(update={"arn": _put(site, model, found)})
    return _followed(site, put, progress) if start else put


def _by_sdk(site: Site, ours: PipelineResult) -> dict[str, Any]:
    """Return what the `sagemaker` SDK writes; raise where it is not what we write."""
    if not find_spec("sagemaker"):
        fix = "install the extra, in an environment of its own: pip install -e '.[sagemaker]'"
        raise MissingToolError(thing="--sdk", value="the SDK `sagemaker`", rule="is not installed", fix=fix)
    told = {"name": ours.name, "objections": OBJECTIONS, "definition": ours.definition}
    written = subprocess.run(
        (sys.executable, "-m", "ci.pipeline_by_sdk"), cwd=ROOT, input=json.dumps(told), capture_output=True, text=True,
        env=child_environment({"AWS_DEFAULT_REGION": site.home_region.name}), check=False,
    )  # fmt: skip
    # What the SDK has and a pipeline of ours does not is written as nothing.
    found = {} if written.returncode else {key: value for key, value in json.loads(written.stdout).items() if value}
    if found != ours.definition:
        said = written.stderr.strip().splitlines()[-1] if written.returncode else "another definition"
        fix = "bring ci/pipeline.py and ci/pipeline_by_sdk.py together: both say how the steps hang together"
        raise WorkError(thing="pipeline", value=ours.name, rule=f"is not what the SDK makes of it: {said}", fix=fix)
    return found


def _followed(site: Site, put: PipelineResult, progress: Progress) -> PipelineResult:
    sagemaker: SageMakerClient = site.client("sagemaker")
    started = sagemaker.start_pipeline_execution(PipelineName=put.name, ClientRequestToken=secrets.token_hex(16))
    execution = started["PipelineExecutionArn"]
    progress.say(f"Started {execution}.")
    told: dict[str, str] = {}
    while True:
        described = sagemaker.describe_pipeline_execution(PipelineExecutionArn=execution)
        pages = sagemaker.get_paginator("list_pipeline_execution_steps").paginate(
            PipelineExecutionArn=execution, SortOrder="Ascending"
        )
        steps = [step for page in pages for step in page["PipelineExecutionSteps"]]
        for step in steps:
            if told.get(step["StepName"]) != step["StepStatus"]:
                told[step["StepName"]] = step["StepStatus"]
                progress.say(f"  {step['StepName']}: {step['StepStatus']}")
        if described["PipelineExecutionStatus"] not in {"Executing", "Stopping"}:
            break
        time.sleep(jobs.POLL_SECONDS)
    if described["PipelineExecutionStatus"] != "Succeeded":
        reasons = [f"{step['StepName']}: {step['FailureReason']}" for step in steps if "FailureReason" in step]
        raise WorkError(
            thing=f"pipeline {put.name!r}",
            value=described["PipelineExecutionStatus"],
            rule=f"is how its execution ended: {'; '.join(reasons) or 'no reason given'}",
            fix="mend what its failed step names, and start it again",
        )
    return put.model_copy(update={"execution": execution, "steps": told})


def _put(site: Site, model: str, made: PipelineResult) -> str:
    role = training_contract(site).pipeline_role_arn
    if role is None:
        raise CommandError(
            thing=f"environment {site.name!r}",
            value="no role of pipelines",
            rule="was handed over by its training stack, which is older than they are",
            fix=f"deploy again: groundplan deploy {site.name}",
        )
    sagemaker: SageMakerClient = site.client("sagemaker")
    definition = json.dumps(made.definition)
    asked: Any = {"PipelineName": made.name, "PipelineDefinition": definition, "RoleArn": role}
    try:
        return sagemaker.update_pipeline(**asked)["PipelineArn"]
    except sagemaker.exceptions.ClientError as error:
        if error.response["Error"]["Code"] not in {"ResourceNotFound", "ValidationException"}:
            raise
    tags: Any = jobs.tags(site, component="training", model=model)
    token = hashlib.sha256(definition.encode()).hexdigest()
    return sagemaker.create_pipeline(**asked, ClientRequestToken=token, Tags=tags)["PipelineArn"]


def _definition(site: Site, request: JobRequest, optimization: str, more: Mapping[str, str]) -> dict[str, Any]:
    """Return the definition; `more` are channels of the optimization alone."""
    recipe = request.hyperparameters["recipe"]
    training = replace(request, hyperparameters={**request.hyperparameters, "recipe": _get(f"Parameters.{RECIPE}")})
    model = {"model": _get("Steps.Train.ModelArtifacts.S3ModelArtifacts")}
    channels, asked = {**request.channels, **model, **more}, {**training.hyperparameters, "optimization": optimization}
    optimizing = replace(training, kind="optimize", channels=channels, hyperparameters=asked)
    return {
        "Version": VERSION,
        "Parameters": [{"Name": RECIPE, "Type": "String", "DefaultValue": recipe}],
        "Steps": [_job(site, "Train", training), _job(site, "Optimize", optimizing), _gate(site, request.model)],
    }


def _job(site: Site, name: str, request: JobRequest) -> dict[str, Any]:
    """Return the step that starts a job. Its name the pipeline makes up, its checkpoints lie by the execution."""
    arguments = jobs.training_request(site, request, training_contract(site), name.lower())
    del arguments["TrainingJobName"]
    place = [arguments["CheckpointConfig"]["S3Uri"], _get("Execution.PipelineExecutionId")]
    arguments["CheckpointConfig"] = {"S3Uri": {"Std:Join": {"On": "/", "Values": place}}}
    return {"Name": name, "Type": "Training", "Arguments": arguments, "RetryPolicies": RETRIES}


def _gate(site: Site, model: str) -> dict[str, Any]:
    """Return the step that registers what nothing speaks against; the job's log and evaluation say what does."""
    objections = _get(f"Steps.Optimize.FinalMetricDataList['{OBJECTIONS}'].Value")
    told = {"ErrorMessage": "the gate is closed: the log of step Optimize says by what"}
    arguments = {
        "Conditions": [{"Type": "LessThanOrEqualTo", "LeftValue": objections, "RightValue": 0.0}],
        "IfSteps": [_register(site, model)],
        "ElseSteps": [{"Name": "Refuse", "Type": "Fail", "Arguments": told}],
    }
    return {"Name": "Evaluate", "Type": "Condition", "Arguments": arguments}


def _register(site: Site, model: str) -> dict[str, Any]:
    """Return the step that enters a candidate: no key is in a job's reach, so that a release signs it later."""
    serving = endpoints_of(site, model)
    if not serving:
        raise CommandError(
            thing=f"model {model!r}",
            value="no endpoint",
            rule=f"serves it in environments/{site.name}.py, so nothing is there to be registered for",
            fix=f"add EndpointSpec(name=…, model={model!r}) to a region and deploy",
        )
    _, contract = serving[0]
    container = {"Image": contract.image_uri, "ModelDataUrl": _get("Steps.Optimize.ModelArtifacts.S3ModelArtifacts")}
    types = {name: ["application/json"] for name in ("SupportedContentTypes", "SupportedResponseMIMETypes")}
    arguments = {
        "ModelPackageGroupName": contract.model_package_group,
        "ModelPackageDescription": f"A candidate, not signed: groundplan release start {site.name} {model} --job JOB",
        "ModelApprovalStatus": "PendingManualApproval",
        "InferenceSpecification": {"Containers": [container], **types},
        "CustomerMetadataProperties": {"job": _get("Steps.Optimize.TrainingJobName")},
    }
    return {"Name": "Register", "Type": "RegisterModel", "Arguments": arguments}


def _get(what: str) -> Any:
    """Return what SageMaker looks up when the pipeline runs."""
    return {"Get": what}
