"""A pool's job takes whole machines, keeps its log, and is started again when its machine is taken away."""

import json
from pathlib import Path
from typing import Any

import environments
from infra.gpu_job import GpuJob
from infra.naming import Names
from infra.spec import GpuNeed, GpuPoolSpec
from infra.toolkit import Stack, new_app

SPOT = GpuPoolSpec(name="small", need=GpuNeed(gpus=1), max_nodes=1, attempts=3, shared_memory_gb=4)
WIDE = GpuPoolSpec(name="wide", instance_types=("p4d.24xlarge",), purchase="on-demand", nodes=4, max_nodes=4)


def synthesized(outdir: Path, spec: GpuPoolSpec) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the job definition and its log group."""
    environment = environments.load("local")
    with new_app(outdir) as app:
        stack = Stack(app, environment, "us-east-1", "training")
        GpuJob(
            stack,
            "job",
            spec=spec,
            names=Names.of(environment, "us-east-1"),
            image_uri="example/ml:v1",
            role_arn="arn:aws:iam::123456789012:role/jobs",
            key_arn="arn:aws:kms:us-east-1:123456789012:key/k",
            data_bucket="data",
            artifact_bucket="artifacts",
            notice_queue_url="https://sqs/notices",
        )
    (file,) = outdir.glob("stacks/*/cdk.tf.json")
    resources = json.loads(file.read_text())["resource"]
    return resources["aws_batch_job_definition"]["job"], resources["aws_cloudwatch_log_group"]["job"]


def test_a_job_takes_all_of_one_machine(tmp_path: Path) -> None:
    definition, group = synthesized(tmp_path, SPOT)
    container = json.loads(definition["container_properties"])
    needs = {need["type"]: need["value"] for need in container["resourceRequirements"]}
    assert needs == {"GPU": "1", "VCPU": "4", "MEMORY": str(int(16 * 1024 * 0.9))}
    assert container["linuxParameters"] == {"initProcessEnabled": True, "sharedMemorySize": 4096}
    assert container["mountPoints"] == [{"sourceVolume": "scratch", "containerPath": "/scratch", "readOnly": False}]
    assert container["command"] == ["train"]
    assert container["jobRoleArn"].endswith("role/jobs")
    variables = {one["name"]: one["value"] for one in container["environment"]}
    assert variables["TMPDIR"] == "/scratch"
    assert variables["GROUNDPLAN_ARTIFACT_BUCKET"] == "artifacts"
    assert variables["GROUNDPLAN_NOTICE_QUEUE"] == "https://sqs/notices"
    assert variables["AWS_EC2_METADATA_SERVICE_ENDPOINT"] == "http://169.254.169.254"
    assert container["logConfiguration"]["options"]["awslogs-group"] == "${aws_cloudwatch_log_group.job.name}"
    assert (group["retention_in_days"], group["kms_key_id"][-5:]) == (365, "key/k")
    assert definition["propagate_tags"] is True
    assert definition["timeout"] == {"attempt_duration_seconds": 86400}


def test_a_reclaim_is_no_failure(tmp_path: Path) -> None:
    definition, _ = synthesized(tmp_path, SPOT)
    strategy = definition["retry_strategy"]
    assert strategy["attempts"] == 3
    assert strategy["evaluate_on_exit"] == [
        {"action": "RETRY", "on_status_reason": "Host EC2*"},
        {"action": "RETRY", "on_exit_code": "143"},
        {"action": "EXIT", "on_exit_code": "*"},
        {"action": "EXIT", "on_reason": "*"},
    ]


def test_nodes_get_every_device_of_the_fabric(tmp_path: Path) -> None:
    definition, _ = synthesized(tmp_path, WIDE)
    assert definition["type"] == "multinode"
    assert "container_properties" not in definition
    nodes = json.loads(definition["node_properties"])
    assert (nodes["numNodes"], nodes["mainNode"]) == (4, 0)
    (group,) = nodes["nodeRangeProperties"]
    assert group["targetNodes"] == "0:"
    devices = [device["hostPath"] for device in group["container"]["linuxParameters"]["devices"]]
    assert devices == [f"/dev/infiniband/uverbs{number}" for number in range(4)]
    assert group["container"]["ulimits"] == [{"name": "memlock", "softLimit": -1, "hardLimit": -1}]
    assert "GROUNDPLAN_NOTICE_QUEUE" not in {one["name"] for one in group["container"]["environment"]}, "none is taken"
