"""A contract, written where the command reads it."""

from cdktf_cdktf_provider_aws.ssm_parameter import SsmParameter
from pydantic import BaseModel

from infra.toolkit import Construct, skip_check


class Parameter(Construct):
    """The JSON of `contract` as an SSM parameter. It holds names and addresses, never a secret."""

    def __init__(self, scope: Construct, id: str, *, name: str, contract: BaseModel, description: str) -> None:
        super().__init__(scope, id)
        parameter = SsmParameter(
            self, "parameter", name=name, type="String", description=description, value=contract.model_dump_json()
        )
        skip_check(parameter, CKV2_AWS_34="holds names and addresses that IAM guards, and no secret")
