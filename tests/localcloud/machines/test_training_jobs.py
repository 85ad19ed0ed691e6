"""Training jobs really run, under SageMaker's container contract, and end as SageMaker ends them."""

import io
import os
import signal
import tarfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.localcloud import CloudRecord

Job = Any  # conftest.Job
Train = Callable[..., Job]
Client = Callable[[str], Any]
Wait = Callable[..., None]

SAVE_ON_SIGTERM = """
    import signal, sys, time
    def save(*_):
        (base / "model/weights").write_text("half trained")
        sys.exit(0)
    signal.signal(signal.SIGTERM, save)
    print("up")
    while True: time.sleep(60)
"""


def archive(client: Client, job: Job, name: str = "model.tar.gz") -> dict[str, str]:
    body = client("s3").get_object(Bucket="machines", Key=f"out/{job.name}/output/{name}")["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as tar:
        return {member.name: tar.extractfile(member).read().decode() for member in tar if member.isfile()}  # type: ignore[union-attr]


def test_a_job_gets_what_sagemaker_gives_and_hands_back_its_model(train: Train, client: Client, bucket: str) -> None:
    client("s3").put_object(Bucket=bucket, Key="data/reviews/train.jsonl", Body=b"good\n")
    client("s3").put_object(Bucket=bucket, Key="data/reviews/more/test.jsonl", Body=b"bad\n")
    job = train(
        """
        import json, os
        config = json.loads((base / "input/config/resourceconfig.json").read_text())
        assert config["hosts"] == ["algo-1"] == [config["current_host"]], config
        channels = json.loads((base / "input/config/inputdataconfig.json").read_text())
        assert channels["training"]["S3DistributionType"] == "FullyReplicated", channels
        assert hyperparameters["epochs"] == "3", hyperparameters
        assert os.environ["COLOUR"] == "blue"
        data = base / "input/data/training"
        found = {str(path.relative_to(data)): path.read_text() for path in data.rglob("*.jsonl")}
        (base / "model/sub").mkdir()
        (base / "model/sub/weights.json").write_text(json.dumps(found))
        (base / "output/data/plot.txt").write_text("a plot")
        print(os.environ["TRAINING_JOB_NAME"])
        """,
        HyperParameters={"epochs": "3"},
        Environment={"COLOUR": "blue"},
        InputDataConfig=[channel("training", f"s3://{bucket}/data/reviews")],
    )
    ended = job.ended()
    assert ended["TrainingJobStatus"] == "Completed", ended
    assert ended["ModelArtifacts"]["S3ModelArtifacts"] == f"s3://{bucket}/out/{job.name}/output/model.tar.gz"
    assert archive(client, job) == {"sub/weights.json": '{"train.jsonl": "good\\n", "more/test.jsonl": "bad\\n"}'}
    assert archive(client, job, "output.tar.gz") == {"plot.txt": "a plot"}
    assert job.lines() == [job.name]


def channel(name: str, uri: str, kind: str = "S3Prefix") -> dict[str, Any]:
    return {"ChannelName": name, "DataSource": {"S3DataSource": {"S3DataType": kind, "S3Uri": uri}}}


def test_the_phases_and_times_are_true(train: Train) -> None:
    began = datetime.now(UTC)
    ended = train("import time; time.sleep(1.2)").ended()
    phases = ended["SecondaryStatusTransitions"]
    assert [phase["Status"] for phase in phases] == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    moments = [moment for phase in phases for moment in (phase["StartTime"], phase["EndTime"])]
    assert moments == sorted(moments)
    training = phases[2]
    assert 1.1 < seconds(training["StartTime"], training["EndTime"]) < seconds(began, datetime.now(UTC))
    assert ended["BillableTimeInSeconds"] == ended["TrainingTimeInSeconds"] >= 2
    assert ended["TrainingStartTime"] < ended["TrainingEndTime"]


def seconds(start: datetime, end: datetime) -> float:
    return (end - start).total_seconds()


def test_a_script_that_raises_fails_with_its_own_words(train: Train, client: Client) -> None:
    job = train("""
        (base / "model/half").write_text("unfinished")
        (base / "output/failure").write_text("column 'text' is missing in train.jsonl")
        raise SystemExit(3)
    """)
    ended = job.ended()
    assert ended["TrainingJobStatus"] == ended["SecondaryStatus"] == "Failed"
    assert ended["FailureReason"] == "AlgorithmError: column 'text' is missing in train.jsonl, exit code: 3"
    with pytest.raises(ClientError, match="404"):
        client("s3").head_object(Bucket="machines", Key=f"out/{job.name}/output/model.tar.gz")


def test_kill_dash_nine_of_the_program_is_told_as_such(train: Train) -> None:
    job = train("import os, time; print(os.getpid()); time.sleep(600)").until(lambda job: job.lines())
    os.kill(int(job.lines()[0]), signal.SIGKILL)
    ended = job.ended()
    assert ended["TrainingJobStatus"] == "Failed"
    assert "signal 9" in ended["FailureReason"]
    assert ended["FailureReason"].endswith("exit code: 137")


def test_a_stopped_job_may_save_and_its_model_is_kept(train: Train, client: Client) -> None:
    job = train(SAVE_ON_SIGTERM).until(lambda job: job.lines())
    job.stop()
    ended = job.ended()
    assert (ended["TrainingJobStatus"], ended["SecondaryStatus"]) == ("Stopped", "Stopped")
    assert archive(client, job) == {"weights": "half trained"}
    assert "Stopping" in [phase["Status"] for phase in ended["SecondaryStatusTransitions"]]
    with pytest.raises(ClientError, match="is in status Stopped"):
        job.stop()


def test_a_job_that_ignores_sigterm_is_killed(train: Train) -> None:
    job = train("""
        import os, signal, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print(os.getpid())
        time.sleep(600)
    """).until(lambda job: job.lines())
    job.stop()
    assert job.ended()["TrainingJobStatus"] == "Stopped"
    with pytest.raises(ProcessLookupError):
        os.kill(int(job.lines()[0]), 0)


def test_a_job_out_of_time_is_stopped(train: Train, client: Client) -> None:
    # Enough for a busy machine to start the program, which has to hear the signal.
    job = train(SAVE_ON_SIGTERM, StoppingCondition={"MaxRuntimeInSeconds": 4})
    ended = job.ended()
    assert (ended["TrainingJobStatus"], ended["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    assert archive(client, job) == {"weights": "half trained"}


def test_a_job_keeps_to_the_memory_of_its_instance(train: Train) -> None:
    """A t3.nano has half a GiB."""
    ended = train(
        "held = b'x' * (700 * 2**20); import time; time.sleep(600)",
        ResourceConfig={"InstanceType": "ml.t3.nano", "InstanceCount": 1, "VolumeSizeInGB": 1},
    ).ended()
    assert ended["TrainingJobStatus"] == "Failed"
    assert ended["FailureReason"].startswith("ClientError: Please use an instance type with more memory")
    assert "ml.t3.nano has 512 MiB" in ended["FailureReason"]


def test_checkpoints_go_up_while_it_runs_and_come_back(
    train: Train, client: Client, bucket: str, wait_until: Wait
) -> None:
    place = {"S3Uri": f"s3://{bucket}/checkpoints/one", "LocalPath": "/opt/ml/checkpoints"}
    first = train(
        """
        import os, time
        (base / "checkpoints/step-7").write_text("seven")
        print("saved")
        time.sleep(600)
        """,
        CheckpointConfig=place,
    )
    wait_until(lambda: client("s3").list_objects_v2(Bucket=bucket, Prefix="checkpoints/one/").get("KeyCount"))
    first.stop()
    assert first.ended()["TrainingJobStatus"] == "Stopped"
    second = train(
        """
        step = (base / "checkpoints/step-7").read_text()
        (base / "checkpoints/step-8").write_text(step + ", eight")
        """,
        CheckpointConfig=place,
    )
    assert second.ended()["TrainingJobStatus"] == "Completed"
    body = client("s3").get_object(Bucket=bucket, Key="checkpoints/one/step-8")["Body"].read()
    assert body == b"seven, eight"


def test_metrics_are_read_from_the_log(train: Train, client: Client, wait_until: Wait) -> None:
    job = train(
        "print('step=1 loss=0.5'); print('step=2 loss=0.25 accuracy=nonsense')",
        AlgorithmSpecification={
            "TrainingImage": "train:latest",
            "TrainingInputMode": "File",
            "MetricDefinitions": [
                {"Name": "loss", "Regex": "loss=([0-9.]+)"},
                {"Name": "accuracy", "Regex": "accuracy=(\\S+)"},
            ],
        },
    )
    [metric] = job.ended()["FinalMetricDataList"]
    assert (metric["MetricName"], metric["Value"]) == ("loss", 0.25)
    dimension = {"Name": "TrainingJobName", "Value": job.name}

    def listed() -> set[str]:
        found = client("cloudwatch").list_metrics(Namespace="/aws/sagemaker/TrainingJobs", Dimensions=[dimension])
        return {metric["MetricName"] for metric in found["Metrics"]}

    wait_until(listed)
    assert listed() == {"loss"}


def test_hosts_of_a_job_share_a_loopback(train: Train, client: Client, bucket: str) -> None:
    client("s3").put_object(Bucket=bucket, Key="shards/a", Body=b"a")
    client("s3").put_object(Bucket=bucket, Key="shards/b", Body=b"b")
    shards = channel("training", f"s3://{bucket}/shards/")
    shards["DataSource"]["S3DataSource"]["S3DataDistributionType"] = "ShardedByS3Key"
    job = train(
        """
        import json, os, socket
        config = json.loads((base / "input/config/resourceconfig.json").read_text())
        address = ("127.0.0.1", int(os.environ["MASTER_PORT"]))
        mine = [path.name for path in (base / "input/data/training").iterdir()]
        if config["current_host"] == config["hosts"][0]:
            with socket.create_server(address) as server:
                other, _ = server.accept()
                (base / "model/met").write_text(other.recv(100).decode() + str(mine))
        else:
            import time
            while True:
                try:
                    with socket.create_connection(address) as leader:
                        leader.sendall((config["current_host"] + str(mine)).encode())
                    break
                except ConnectionRefusedError:
                    time.sleep(0.01)
        """,
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 10},
        InputDataConfig=[shards],
    )
    assert job.ended()["TrainingJobStatus"] == "Completed", job.ended()
    assert archive(client, job) == {"met": "algo-2['b']['a']"}


def test_a_given_entry_point_replaces_the_image_s(train: Train, client: Client) -> None:
    job = train(
        "",
        AlgorithmSpecification={
            "TrainingImage": "train:latest",
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["python", "-c"],
            "ContainerArguments": ["import os; print('entered', os.environ['AWS_REGION'])"],
        },
    )
    assert job.ended()["TrainingJobStatus"] == "Completed"
    assert job.lines() == ["entered us-east-1"]


def test_a_job_can_talk_to_the_cloud(train: Train, client: Client, bucket: str) -> None:
    job = train(f"""
        import boto3
        boto3.client("s3").put_object(Bucket="{bucket}", Key="from-a-job", Body=b"hello")
    """)
    assert job.ended()["TrainingJobStatus"] == "Completed"
    assert client("s3").get_object(Bucket=bucket, Key="from-a-job")["Body"].read() == b"hello"


def test_nothing_of_an_ended_job_stays_on_disk(train: Train, cloud: CloudRecord) -> None:
    job = train("import tempfile; print(tempfile.mkdtemp())")
    assert job.ended()["TrainingJobStatus"] == "Completed"
    [temporary] = job.lines()
    assert len(temporary) < 60, "sockets in it need short paths"
    assert not Path(temporary).parent.exists()
    assert not list((cloud.folder / "jobs").rglob(job.name))


def test_a_manifest_names_the_files_of_a_channel(train: Train, client: Client, bucket: str) -> None:
    client("s3").put_object(Bucket=bucket, Key="lake/2024/a.txt", Body=b"A")
    manifest = f'[{{"prefix": "s3://{bucket}/lake/"}}, "2024/a.txt"]'
    client("s3").put_object(Bucket=bucket, Key="manifests/one", Body=manifest.encode())
    job = train(
        "print((base / 'input/data/training/2024/a.txt').read_text())",
        InputDataConfig=[channel("training", f"s3://{bucket}/manifests/one", "ManifestFile")],
    )
    assert job.ended()["TrainingJobStatus"] == "Completed", job.ended()
    assert job.lines() == ["A"]
