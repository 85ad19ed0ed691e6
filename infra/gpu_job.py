"""How a job of a pool runs: the image, whole machines, what it may do, and when it is started again."""

import json
from collections.abc import Mapping
from typing import Any

from cdktf_cdktf_provider_aws.batch_job_definition import (
    BatchJobDefinition,
    BatchJobDefinitionRetryStrategy,
    BatchJobDefinitionRetryStrategyEvaluateOnExit,
    BatchJobDefinitionTimeout,
)
from cdktf_cdktf_provider_aws.cloudwatch_log_group import CloudwatchLogGroup

from infra.kept_logs import explain_short_log
from infra.naming import Names
from infra.pool_user_data import SCRATCH
from infra.queue_signals import pool_name
from infra.spec import GpuPoolSpec
from infra.toolkit import Construct
from ml.contract import (
    ARTIFACT_BUCKET_VARIABLE,
    DATA_BUCKET_VARIABLE,
    KMS_KEY_VARIABLE,
    METADATA_VARIABLE,
    NOTICE_QUEUE_VARIABLE,
)

# A job of one machine shares its machine's network, and so reaches its metadata; others do not run on spot machines.
# https://docs.aws.amazon.com/batch/latest/userguide/networking-modes-jobs.html
_METADATA = "http://169.254.169.254"

# The first rule that fits counts.
_WHEN_TO_RETRY = (
    # A reclaim, or a machine that broke.
    {"action": "RETRY", "on_status_reason": "Host EC2*"},
    # `python -m ml` has saved its state and asks to be started again.
    {"action": "RETRY", "on_exit_code": "143"},
    # A failure of its own repeats itself.
    {"action": "EXIT", "on_exit_code": "*"},
    {"action": "EXIT", "on_reason": "*"},
)

_SHORT = "what a job prints is read within days; the figures of its run are kept as artifacts"


class GpuJob(Construct):
    """The job definition of a pool: `python -m ml train` of the image on one machine, or on several side by side.

    What the launcher gives each job: `command`, `environment`, and `nodes` where they differ.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        spec: GpuPoolSpec,
        names: Names,
        image_uri: str,
        role_arn: str,
        key_arn: str,
        data_bucket: str,
        artifact_bucket: str,
        notice_queue_url: str,
    ) -> None:
        super().__init__(scope, id)
        group = CloudwatchLogGroup(
            self, "log_group", name=names.job_logs(spec.name), retention_in_days=spec.log_days, kms_key_id=key_arn
        )
        explain_short_log(group, spec.log_days, _SHORT)
        variables = {
            DATA_BUCKET_VARIABLE: data_bucket,
            ARTIFACT_BUCKET_VARIABLE: artifact_bucket,
            KMS_KEY_VARIABLE: key_arn,
            "TMPDIR": SCRATCH,
            **_told_of_reclaims(spec, notice_queue_url),
        }
        container = _container(spec, variables) | {"image": image_uri, "jobRoleArn": role_arn}
        container["logConfiguration"] = {
            "logDriver": "awslogs",
            "options": {"awslogs-group": group.name, "awslogs-stream-prefix": spec.name},
        }
        alone = spec.nodes == 1
        definition = BatchJobDefinition(
            self,
            "job_definition",
            name=pool_name(names, spec.name),
            type="container" if alone else "multinode",
            container_properties=json.dumps(container) if alone else None,
            node_properties=None if alone else json.dumps(_nodes(spec, container)),
            platform_capabilities=["EC2"],
            propagate_tags=True,
            scheduling_priority=1 if spec.fair_shares else None,
            retry_strategy=BatchJobDefinitionRetryStrategy(
                attempts=spec.attempts,
                evaluate_on_exit=[BatchJobDefinitionRetryStrategyEvaluateOnExit(**rule) for rule in _WHEN_TO_RETRY],
            ),
            timeout=BatchJobDefinitionTimeout(attempt_duration_seconds=spec.timeout_seconds),
        )
        self.arn: str = definition.arn
        self.log_group: str = group.name


def _told_of_reclaims(spec: GpuPoolSpec, queue_url: str) -> dict[str, str]:
    """Return where a job asks whether its machine is taken away, if it may be."""
    return {METADATA_VARIABLE: _METADATA, NOTICE_QUEUE_VARIABLE: queue_url} if spec.purchase == "spot" else {}


def _container(spec: GpuPoolSpec, variables: Mapping[str, str]) -> dict[str, Any]:
    """Return what runs on a machine, and what it takes of it: all."""
    needs = {"GPU": spec.facts[0].gpus, "MEMORY": spec.memory_mib_per_node, "VCPU": spec.vcpus_per_node}
    settings: dict[str, Any] = {"initProcessEnabled": True, "sharedMemorySize": spec.shared_memory_gb * 1024}
    container: dict[str, Any] = {
        "command": ["train"],
        "environment": [{"name": name, "value": value} for name, value in sorted(variables.items())],
        "privileged": False,
        "resourceRequirements": [{"type": kind, "value": str(amount)} for kind, amount in needs.items()],
        "linuxParameters": settings,
        "volumes": [{"name": "scratch", "host": {"sourcePath": SCRATCH}}],
        "mountPoints": [{"sourceVolume": "scratch", "containerPath": SCRATCH, "readOnly": False}],
    }
    if spec.efa_interfaces:
        paths = [f"/dev/infiniband/uverbs{number}" for number in range(spec.efa_interfaces)]
        settings["devices"] = [
            {"hostPath": path, "containerPath": path, "permissions": ["READ", "WRITE", "MKNOD"]} for path in paths
        ]
        # EFA sends straight from memory, which must then stay where it is.
        container["ulimits"] = [{"name": "memlock", "softLimit": -1, "hardLimit": -1}]
    return container


def _nodes(spec: GpuPoolSpec, container: dict[str, Any]) -> dict[str, Any]:
    """Return the same container on every node; the first one is that which Batch watches."""
    return {
        "mainNode": 0,
        "numNodes": spec.nodes,
        "nodeRangeProperties": [{"targetNodes": "0:", "container": container}],
    }
