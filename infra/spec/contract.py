"""What the stacks hand to the command: JSON in SSM parameters, the only hand-over between Terraform and a release.

A stack writes ``contract.model_dump()``, the command reads ``TrainingContract.model_validate_json(value)``.
"""

from pydantic import BaseModel, ConfigDict

# The variant of every endpoint, also of those configurations that a release makes: alarms and dashboards look for it.
VARIANT_NAME = "live"


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
    job_queues: tuple[str, ...]
    subnet_ids: tuple[str, ...]
    security_group_ids: tuple[str, ...]

    @staticmethod
    def parameter_name(project: str, environment: str) -> str:
        """Return where a region keeps this contract."""
        return f"/{project}/{environment}/training"


class ServingContract(_Contract):
    """All that a release needs to put a model behind an endpoint."""

    endpoint_name: str
    model: str
    role_arn: str
    image_uri: str
    memory_mb: int
    max_concurrency: int
    model_package_group: str
    signing_key_arn: str
    artifact_bucket: str
    kms_key_arn: str

    @staticmethod
    def parameter_name(project: str, environment: str, endpoint: str) -> str:
        """Return where a region keeps the contract of `endpoint`, which is the name in its `EndpointSpec`."""
        return f"/{project}/{environment}/endpoints/{endpoint}"
