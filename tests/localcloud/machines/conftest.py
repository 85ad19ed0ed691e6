"""One real embedded cloud for the tests of its machines, with little patience."""

import contextlib
import io
import json
import tarfile
import textwrap
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from infra.localcloud import CloudRecord, start, stop

PROGRAM = Path(__file__).parent / "program"
ROLE = "arn:aws:iam::123456789012:role/training"
# How long a hang may last before its test is told: nothing that goes well takes so long, on a busy machine either.
PATIENCE_SECONDS = 120
SETTINGS = {
    "stop_grace_seconds": 3.0,
    "reclaim_notice_seconds": 1.0,
    "checkpoint_seconds": 0.1,
    "server_start_seconds": 120.0,
    "server_grace_seconds": 1.0,
    "invocation_seconds": 4.0,
    "serverless_idle_seconds": 3.0,
    "capture_seconds": 0.1,
    "scaling_seconds": 0.3,
    "metric_seconds": 0.5,
    "alarm_seconds": 0.5,
    "budget_seconds": 0.5,
    "schedule_minute_seconds": 0.5,
}


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudRecord]:
    home = tmp_path_factory.mktemp("home")
    folder = home / "clouds" / "machines"
    folder.mkdir(parents=True)
    (folder / "settings.json").write_text(json.dumps(SETTINGS))
    yield start("machines", home, program=PROGRAM)
    stop("machines", home)


@pytest.fixture(scope="session")
def client(cloud: CloudRecord) -> Callable[[str], Any]:
    """boto3 clients of the cloud that never retry, so that a test sees each answer."""
    clients: dict[str, Any] = {}

    def make(service: str) -> Any:
        if service not in clients:
            clients[service] = boto3.client(
                service,
                endpoint_url=cloud.url,
                region_name="us-east-1",
                aws_access_key_id="test",
                aws_secret_access_key="test",
                config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
            )
        return clients[service]

    return make


@pytest.fixture(scope="session")
def bucket(client: Callable[[str], Any]) -> str:
    client("s3").create_bucket(Bucket="machines")
    return "machines"


class Job:
    """A training job of a test."""

    def __init__(self, client: Callable[[str], Any], name: str) -> None:
        self._client = client
        self.name = name

    def describe(self) -> dict[str, Any]:
        answer: dict[str, Any] = self._client("sagemaker").describe_training_job(TrainingJobName=self.name)
        return answer

    def stop(self) -> None:
        self._client("sagemaker").stop_training_job(TrainingJobName=self.name)

    def lines(self) -> list[str]:
        logs, group = self._client("logs"), "/aws/sagemaker/TrainingJobs"
        try:
            streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{self.name}/")["logStreams"]
            names = [stream["logStreamName"] for stream in streams]
            pages = [logs.get_log_events(logGroupName=group, logStreamName=name, startFromHead=True) for name in names]
        except ClientError:
            return []
        return [event["message"] for page in pages for event in page["events"]]

    def until(self, condition: Callable[["Job"], object]) -> "Job":
        _wait_until(lambda: condition(self))
        return self

    def ended(self) -> dict[str, Any]:
        self.until(lambda job: job.describe()["TrainingJobStatus"] in ("Completed", "Failed", "Stopped"))
        return self.describe()


def _wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.02)


@pytest.fixture(scope="session")
def wait_until() -> Callable[..., None]:
    """Poll a condition until it is true; the test fails when it does not become so in time."""
    return _wait_until


@pytest.fixture
def train(client: Callable[[str], Any], bucket: str) -> Callable[..., Job]:
    """Start a training job that runs the given code; keyword arguments replace parts of the request."""

    def start_job(code: str, **request: Any) -> Job:
        name = request.pop("TrainingJobName", f"job-{uuid.uuid4().hex[:8]}")
        hyperparameters = {"code": textwrap.dedent(code)} | request.pop("HyperParameters", {})
        arguments: dict[str, Any] = {
            "TrainingJobName": name,
            "RoleArn": ROLE,
            "AlgorithmSpecification": {"TrainingImage": "train:latest", "TrainingInputMode": "File"},
            "OutputDataConfig": {"S3OutputPath": f"s3://{bucket}/out"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
            "StoppingCondition": {"MaxRuntimeInSeconds": 60},
            "HyperParameters": hyperparameters,
        }
        client("sagemaker").create_training_job(**(arguments | request))
        return Job(client, name)

    return start_job


class Endpoint:
    """An endpoint of a test."""

    def __init__(self, client: Callable[[str], Any], bucket: str) -> None:
        self._client = client
        self._bucket = bucket
        self.name = f"endpoint-{uuid.uuid4().hex[:8]}"
        self.log_group = f"/aws/sagemaker/Endpoints/{self.name}"
        # More members of its configurations: DataCaptureConfig, AsyncInferenceConfig.
        self.settings: dict[str, Any] = {}

    def config(self, *variants: dict[str, Any]) -> str:
        """A configuration whose variants are given as {"model": {...}} plus members of ProductionVariant."""
        sagemaker, config = self._client("sagemaker"), f"config-{uuid.uuid4().hex[:8]}"
        productions = []
        for number, variant in enumerate(variants):
            model_name = f"model-{uuid.uuid4().hex[:8]}"
            url = f"s3://{self._bucket}/models/{model_name}.tar.gz"
            if variant["model"] is not None:
                self._upload(variant["model"], f"models/{model_name}.tar.gz")
            container = {"Image": "serve:latest", "ModelDataUrl": url}
            sagemaker.create_model(ModelName=model_name, ExecutionRoleArn=ROLE, PrimaryContainer=container)
            members = {"VariantName": f"variant-{number}", "ModelName": model_name} | variant
            if "InstanceType" not in members:
                members.setdefault("ServerlessConfig", {"MemorySizeInMB": 1024, "MaxConcurrency": 5})
            productions.append({name: value for name, value in members.items() if name != "model"})
        sagemaker.create_endpoint_config(EndpointConfigName=config, ProductionVariants=productions, **self.settings)
        return config

    def _upload(self, model: dict[str, Any], key: str) -> None:
        archive, content = io.BytesIO(), json.dumps({"name": "anonymous", **model}).encode()
        with tarfile.open(fileobj=archive, mode="w:gz") as tar:
            member = tarfile.TarInfo("model.json")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        self._client("s3").put_object(Bucket=self._bucket, Key=key, Body=archive.getvalue())

    def create(self, *variants: dict[str, Any], **request: Any) -> "Endpoint":
        config = self.config(*variants)
        self._client("sagemaker").create_endpoint(EndpointName=self.name, EndpointConfigName=config, **request)
        return self

    def update(self, *variants: dict[str, Any], **request: Any) -> None:
        config = self.config(*variants)
        self._client("sagemaker").update_endpoint(EndpointName=self.name, EndpointConfigName=config, **request)

    def delete(self) -> None:
        self._client("sagemaker").delete_endpoint(EndpointName=self.name)

    def describe(self) -> dict[str, Any]:
        answer: dict[str, Any] = self._client("sagemaker").describe_endpoint(EndpointName=self.name)
        return answer

    def settled(self) -> dict[str, Any]:
        _wait_until(lambda: self.describe()["EndpointStatus"] in ("InService", "Failed"))
        return self.describe()

    def invoke(self, order: dict[str, Any] | bytes | None = None, **request: Any) -> dict[str, Any]:
        body = order if isinstance(order, bytes) else json.dumps(order or {}).encode()
        arguments = {"EndpointName": self.name, "ContentType": "application/json", "Body": body}
        answer: dict[str, Any] = self._client("sagemaker-runtime").invoke_endpoint(**(arguments | request))
        return answer

    def ask(self, order: dict[str, Any] | bytes | None = None, **request: Any) -> dict[str, Any]:
        said: dict[str, Any] = json.loads(self.invoke(order, **request)["Body"].read())
        return said

    def lines(self) -> list[str]:
        logs = self._client("logs")
        try:
            found = logs.filter_log_events(logGroupName=self.log_group)
        except ClientError:
            return []
        return [event["message"] for event in found["events"]]

    def metric(self, name: str, statistic: str = "Sum", variant: str = "variant-0") -> float:
        end = datetime.now(UTC) + timedelta(minutes=5)
        found = self._client("cloudwatch").get_metric_statistics(
            Namespace="AWS/SageMaker",
            MetricName=name,
            Dimensions=[{"Name": "EndpointName", "Value": self.name}, {"Name": "VariantName", "Value": variant}],
            StartTime=end - timedelta(hours=1),
            EndTime=end,
            Period=3600,
            Statistics=[statistic],
        )
        return sum(point[statistic] for point in found["Datapoints"])


@pytest.fixture
def endpoint(client: Callable[[str], Any], bucket: str) -> Iterator[Endpoint]:
    """A name for an endpoint, which is deleted after the test if it was created."""
    endpoint = Endpoint(client, bucket)
    yield endpoint
    with contextlib.suppress(ClientError):
        endpoint.delete()
