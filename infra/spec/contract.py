"""What the stacks hand to the command: JSON in SSM parameters, the only hand-over between Terraform and a release.

A stack writes ``contract.model_dump()``, the command reads ``TrainingContract.model_validate_json(value)``.
"""

from pydantic import BaseModel, ConfigDict

from infra.spec.serving import EndpointKind

# The variant of every endpoint, also of those configurations that a release makes: alarms and dashboards look for it.
VARIANT_NAME = "live"
# The tag that says until when what a burst made may stand: people, the reaper and its role read it.
EXPIRES = "ExpiresAt"


class _Contract(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TrainingContract(_Contract):
    """All that a training job's request needs to know of the platform."""

    role_arn: str
    image_uri: str
    data_bucket: str
    artifact_bucket: str
    kms_key_arn: str
    instance_type: str
    volume_gb: int
    max_runtime_seconds: int
    spot: bool
    # Where reclaims, their warnings and the ends of jobs are heard of.
    events_queue: str
    subnet_ids: tuple[str, ...]
    security_group_ids: tuple[str, ...]
    # What a SageMaker Pipeline runs as; None where the stack is older than pipelines.
    pipeline_role_arn: str | None = None

    @staticmethod
    def parameter_name(project: str, environment: str) -> str:
        """Return where a region keeps this contract."""
        return f"/{project}/{environment}/training"


class PoolContract(_Contract):
    """All that the launcher of a Batch job needs to know of one pool."""

    # The pool's own queue, then that on demand if there is one, for jobs that were reclaimed too often.
    queue_arns: tuple[str, ...]
    reclaims_before_on_demand: int
    # After so long without a machine Batch cancels a job, which to a run with a budget is one reclaim more.
    capacity_wait_seconds: int | None
    job_definition_arn: str
    instance_types: tuple[str, ...]
    nodes: int
    gpus_per_node: int
    attempts: int
    timeout_seconds: int
    # One of these must be named by each job; none where the queue is first come, first served.
    fair_shares: tuple[str, ...]
    log_group: str
    events_queue: str

    @staticmethod
    def parameter_name(project: str, environment: str, pool: str) -> str:
        """Return where a region keeps the contract of `pool`, which is the name in its `GpuPoolSpec`."""
        return f"/{project}/{environment}/pools/{pool}"


class ServerlessCapacity(_Contract):
    """What a serverless variant offers."""

    memory_mb: int
    max_concurrency: int
    provisioned_concurrency: int


class InstanceCapacity(_Contract):
    """The instances of a variant and where they stand. How many there are later is up to autoscaling."""

    instance_type: str
    initial_count: int
    # None where the type's local disks are encrypted in hardware.
    volume_key_arn: str | None
    subnet_ids: tuple[str, ...]
    security_group_ids: tuple[str, ...]


class Capture(_Contract):
    """How many requests and answers are kept, and below which S3 address."""

    percent: int
    destination: str


class Queueing(_Contract):
    """Where an async endpoint's requests wait, its answers come, and who is told; addresses are S3 prefixes."""

    requests: str
    answers: str
    failures: str
    succeeded_topic_arn: str
    failed_topic_arn: str
    concurrency: int


class ServingContract(_Contract):
    """All that a release needs to put a model behind an endpoint; the stack's own bootstrap is made of it too."""

    endpoint_name: str
    model: str
    kind: EndpointKind
    role_arn: str
    image_uri: str
    capacity: ServerlessCapacity | InstanceCapacity
    capture: Capture | None = None
    queueing: Queueing | None = None
    model_package_group: str
    signing_key_arn: str
    artifact_bucket: str
    kms_key_arn: str

    @staticmethod
    def parameter_name(project: str, environment: str, endpoint: str) -> str:
        """Return where a region keeps the contract of `endpoint`, which is the name in its `EndpointSpec`."""
        return f"/{project}/{environment}/endpoints/{endpoint}"


class ClusterContract(_Contract):
    """All that is needed to reach a cluster, and to see how it is."""

    engine: str
    image_uri: str
    # A name that only the cluster's network resolves; only members may connect to it, others by an SSM session.
    head_address: str
    port: int = 6379
    dashboard_port: int = 8265
    head_group: str
    workers_group: str
    log_group: str
    # Where tasks may write in the artefact bucket.
    artifact_bucket: str
    artifact_prefix: str

    @staticmethod
    def parameter_name(project: str, environment: str, cluster: str) -> str:
        """Return where a region keeps the contract of `cluster`, which is the name in its `ClusterSpec`."""
        return f"/{project}/{environment}/clusters/{cluster}"


class EdgeWave(_Contract):
    """One step of an update: a thing group, and how many devices belong into it (neither in the last: all others)."""

    name: str
    group: str
    group_arn: str
    devices: int | None
    percent: int | None


class EdgeContract(_Contract):
    """All that a device's agent needs to find its place, and a roll-out to reach the devices. No secret is in it.

    Topics hold ``{thing}`` where the device's own name stands.
    """

    fleet: str
    model: str
    endpoint: str
    credentials_endpoint: str
    role_alias: str
    provisioning_template: str
    claim_policy: str
    thing_prefix: str
    thing_type: str
    fleet_group_arn: str
    waves: tuple[EdgeWave, ...]
    telemetry_topic: str
    shadow: str
    sample_percent: int
    job_template_arn: str
    presign_role_arn: str
    artifact_bucket: str
    artifact_prefix: str
    signing_key_arn: str

    @staticmethod
    def parameter_name(project: str, environment: str, fleet: str) -> str:
        """Return where a region keeps the contract of `fleet`, which is the name in its `EdgeFleetSpec`."""
        return f"/{project}/{environment}/edge/{fleet}"
