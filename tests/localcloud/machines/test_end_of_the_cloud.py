"""However a cloud ends, nothing that it ran goes on."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest

from infra.localcloud import CloudRecord, start, stop

Wait = Callable[..., None]
PROGRAM = Path(__file__).parent / "program"


@pytest.fixture
def doomed(tmp_path: Path) -> Iterator[CloudRecord]:
    yield start("doomed", tmp_path, program=PROGRAM)
    stop("doomed", tmp_path)


def boto(cloud: CloudRecord, service: str) -> Any:
    session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1")
    return session.client(service, endpoint_url=cloud.url)  # type: ignore[call-overload]


def start_job(cloud: CloudRecord, folder: Path, wait_until: Wait) -> list[int]:
    """A job whose child ignores SIGTERM; return the ids of every process below the cloud."""
    mark = folder / "up"
    code = f"""
import os, signal, time
from pathlib import Path
signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.fork()
with open({str(mark)!r}, "a") as file: file.write("up ")
time.sleep(600)
"""
    boto(cloud, "s3").create_bucket(Bucket="out")
    boto(cloud, "sagemaker").create_training_job(
        TrainingJobName="endless",
        RoleArn="arn:aws:iam::123456789012:role/training",
        AlgorithmSpecification={"TrainingImage": "train", "TrainingInputMode": "File"},
        OutputDataConfig={"S3OutputPath": "s3://out/"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 600},
        HyperParameters={"code": code},
    )
    wait_until(lambda: mark.exists() and mark.read_text() == "up up ")
    family = [process.pid for process in psutil.Process(cloud.pid).children(recursive=True)]
    assert len(family) == 3, "a leash, the program and its child"
    return family


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_kill_dash_nine_of_the_cloud_leaves_no_process(doomed: CloudRecord, tmp_path: Path, wait_until: Wait) -> None:
    family = start_job(doomed, tmp_path, wait_until)
    os.kill(doomed.pid, signal.SIGKILL)
    wait_until(lambda: all(gone(pid) for pid in family))


def test_a_stop_of_the_cloud_waits_for_every_process(doomed: CloudRecord, tmp_path: Path, wait_until: Wait) -> None:
    family = start_job(doomed, tmp_path, wait_until)
    assert stop("doomed", tmp_path)
    assert [pid for pid in family if not gone(pid)] == []
    log = (doomed.folder / "cloud.log").read_text()
    assert '"level": "error"' not in log, log


def test_a_new_cloud_in_the_same_folder_finds_no_remains(doomed: CloudRecord, tmp_path: Path, wait_until: Wait) -> None:
    start_job(doomed, tmp_path, wait_until)
    os.kill(doomed.pid, signal.SIGKILL)
    wait_until(lambda: not psutil.pid_exists(doomed.pid) or gone(doomed.pid))
    again = start("doomed", tmp_path, program=PROGRAM)
    assert not list((again.folder / "jobs").glob("*"))
    assert json.loads((again.folder / "cloud.json").read_text())["pid"] == again.pid != doomed.pid
