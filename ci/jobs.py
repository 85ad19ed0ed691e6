"""Jobs on the platform: SageMaker training jobs, started from the training contract and followed to their end."""

import math
import secrets
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from ci.contracts import training_contract
from ci.errors import JobError
from ci.log_tail import TRAINING_JOBS, LogTail
from ci.progress import Progress
from ci.site import Site
from infra.naming import Names
from infra.spec.contract import TrainingContract

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker.type_defs import DescribeTrainingJobResponseTypeDef

# A trial of `tune` trains too; under a name of its own, so that it is never taken for the newest model.
Kind = Literal["train", "tune", "optimize"]
LONGEST_NAME = 63
TAIL_LINES = 15
POLL_SECONDS = 0.5

# What the platform reads off a job's log lines (ml/training prints them).
METRICS = {
    "loss": r"\bloss=([0-9.eE+-]+)",
    "accuracy": r"final accuracy=([0-9.]+)",
    "baseline_accuracy": r"\bbaseline_accuracy=([0-9.]+)",
    # What an evaluation has against a release: a pipeline registers what has none.
    "objections": r"^evaluated .*\bobjections=([0-9]+)",
}


@dataclass(frozen=True, kw_only=True)
class JobRequest:
    """What sets one job apart from another; all else comes from the environment's training contract."""

    kind: Kind
    model: str
    # Channel → S3 address of its files.
    channels: Mapping[str, str]
    hyperparameters: Mapping[str, str]
    # Of an attempt of a longer run: its name, its checkpoints' folder in the artifact bucket, its machine, its limit.
    name: str | None = None
    checkpoints: str | None = None
    spot: bool | None = None
    most_seconds: int | None = None
    # Whose share of a pool it is, where pools have shares; and on a pool, the address of the run's state and its number
    # there, by which the job sees that it is its turn.
    share: str | None = None
    turn: tuple[str, int] | None = None
    # On a cluster: how many processes share the work.
    workers: int = 1


def start(site: Site, request: JobRequest) -> str:
    """Create the job and return its name."""
    contract = training_contract(site)
    name = request.name or new_name(site, request.kind, request.model)
    sagemaker: SageMakerClient = site.client("sagemaker")
    sagemaker.create_training_job(**training_request(site, request, contract, name))
    return name


def follow(
    site: Site, name: str, progress: Progress, *, then: str, most_minutes: float = math.inf
) -> "DescribeTrainingJobResponseTypeDef":
    """Say the job's log lines as they come and return its description once it is Completed.

    Raises `JobError` with the reason and the log's tail when it ends otherwise. Ctrl-C stops the job; one that has not
    ended after `most_minutes` is left to itself; the error says so, and `then`, the command that goes on with it.
    """
    until = time.monotonic() + 60 * most_minutes
    sagemaker: SageMakerClient = site.client("sagemaker")
    logs: CloudWatchLogsClient = site.client("logs")
    tail, last = LogTail(logs, TRAINING_JOBS, f"{name}/"), deque[str](maxlen=TAIL_LINES)
    try:
        while True:
            job = sagemaker.describe_training_job(TrainingJobName=name)
            for line in tail.read():
                last.append(line)
                progress.say(f"  {line}")
            if job["TrainingJobStatus"] not in {"InProgress", "Stopping"}:
                break
            if time.monotonic() >= until:
                raise _left(site, name, most_minutes, then)
            time.sleep(POLL_SECONDS)
    except KeyboardInterrupt:
        sagemaker.stop_training_job(TrainingJobName=name)
        progress.say(f"Stopping job {name}.")
        raise
    if job["TrainingJobStatus"] == "Completed":
        return job
    raise JobError(
        thing=f"job {name!r}",
        value=job["TrainingJobStatus"],
        rule=f"is how it ended: {job.get('FailureReason', 'no reason given')}",
        fix=f"see all of its log: groundplan logs {site.name} {name}",
        details=list(last),
    )


def _left(site: Site, name: str, most_minutes: float, then: str) -> JobError:
    return JobError(
        thing=f"job {name!r}",
        value="InProgress",
        rule=f"is how it still is after {most_minutes:g} minutes: it goes on, and nobody waits for it any more",
        fix=f"see it: groundplan logs {site.name} {name} --follow; once it is completed: {then}",
    )


def tags(site: Site, *, component: str, model: str) -> list[dict[str, str]]:
    """Return the tags that the environment's stacks put on everything, for what the command makes itself."""
    pairs = site.environment.tags(component, model)
    return [{"Key": key, "Value": value} for key, value in pairs.items()]


def prefix(site: Site) -> str:
    """Return how the names of all jobs of the environment begin."""
    return Names.of(site.environment, site.home_region.name).regional("")


def stem(site: Site, kind: Kind, model: str) -> str:
    """Return how the names of all jobs of this kind and model begin."""
    room = LONGEST_NAME - len(prefix(site)) - len("-optimize-20260101-000000-abcd")
    return f"{prefix(site)}{model.replace('_', '-')[:room]}-{kind}-"


def new_name(site: Site, kind: Kind, model: str) -> str:
    """Return a name that no job has."""
    moment = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    return f"{stem(site, kind, model)}{moment}-{secrets.token_hex(2)}"


def training_request(site: Site, request: JobRequest, contract: TrainingContract, name: str) -> dict[str, Any]:
    """Return the arguments of CreateTrainingJob."""
    spot = contract.spot if request.spot is None else request.spot
    checkpoints = request.checkpoints or f"checkpoints/{name}"
    seconds = min(contract.max_runtime_seconds, request.most_seconds or contract.max_runtime_seconds)
    call: dict[str, Any] = {
        "TrainingJobName": name,
        "RoleArn": contract.role_arn,
        "AlgorithmSpecification": {
            "TrainingImage": contract.image_uri,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": metric, "Regex": regex} for metric, regex in METRICS.items()],
        },
        "HyperParameters": dict(request.hyperparameters),
        "OutputDataConfig": {
            "S3OutputPath": f"s3://{contract.artifact_bucket}/jobs",
            "KmsKeyId": contract.kms_key_arn,
        },
        "CheckpointConfig": {"S3Uri": f"s3://{contract.artifact_bucket}/{checkpoints}"},
        "ResourceConfig": {
            "InstanceType": contract.instance_type,
            "InstanceCount": 1,
            "VolumeSizeInGB": contract.volume_gb,
            "VolumeKmsKeyId": contract.kms_key_arn,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": seconds},
        "EnableManagedSpotTraining": spot,
        "Tags": tags(site, component="training", model=request.model),
    }
    if request.channels:
        call["InputDataConfig"] = [_channel(channel, uri) for channel, uri in request.channels.items()]
    if request.kind == "optimize":
        call["AlgorithmSpecification"]["ContainerEntrypoint"] = ["python", "-m", "ml", "optimize"]
    if spot:
        # Waiting for capacity and resuming after a reclaim may take as long again as the work itself.
        call["StoppingCondition"]["MaxWaitTimeInSeconds"] = 2 * seconds
    if contract.subnet_ids:
        call["VpcConfig"] = {
            "Subnets": list(contract.subnet_ids),
            "SecurityGroupIds": list(contract.security_group_ids),
        }
    return call


def _channel(name: str, uri: str) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}}
