"""The machine image that AWS recommends today: looked up by Terraform, never an id that ages in a file."""

from cdktf_cdktf_provider_aws.data_aws_ssm_parameter import DataAwsSsmParameter

from infra.toolkit import Construct

_PLAIN = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-{architecture}"
# With NVIDIA's driver, EFA, Docker and the container toolkit.
_WITH_GPU = "/aws/service/deeplearning/ami/{architecture}/base-oss-nvidia-driver-gpu-al2023/latest/ami-id"


class MachineImage(Construct):
    """Amazon Linux 2023 for an `architecture` as EC2 spells it, with or without what GPUs need."""

    def __init__(self, scope: Construct, id: str, *, architecture: str, gpus: bool) -> None:
        super().__init__(scope, id)
        name = (_WITH_GPU if gpus else _PLAIN).format(architecture=architecture)
        parameter = DataAwsSsmParameter(self, "parameter", name=name)
        # An image's id is no secret: a plan should show that a new one came out.
        self.id: str = parameter.insecure_value
