"""Where a region's models answer."""

from infra.naming import Names
from infra.parameter import Parameter
from infra.sagemaker_role import SageMakerRole
from infra.serverless_endpoint import ServerlessEndpoint
from infra.spec import EndpointSpec, Environment, RegionSpec
from infra.spec.contract import ServingContract
from infra.toolkit import Construct, Stack
from stacks.data import DataOutputs


class ServingStack(Stack):
    """The endpoints, and for each the contract that tells a release of it."""

    def __init__(self, scope: Construct, environment: Environment, region: RegionSpec, data: DataOutputs) -> None:
        super().__init__(scope, environment, region.name, "serving")
        names = Names.of(environment, region.name)
        role = SageMakerRole(
            self,
            "endpoints",
            names=names,
            purpose="serving",
            reads=(data.artifact_bucket_arn,),
            key_arn=data.key_arn,
            repository_arn=data.repository_arn,
            log_groups="/aws/sagemaker/Endpoints/*",
        )
        for spec in region.endpoints:
            endpoint = ServerlessEndpoint(
                self,
                spec.name,
                spec=spec,
                names=names,
                image_uri=data.image_uri,
                role_arn=role.arn,
                key_arn=data.key_arn,
            )
            contract = _contract(spec, endpoint.name, role.arn, data)
            parameter = ServingContract.parameter_name(environment.project, environment.name, spec.name)
            description = f"What a release to {spec.name} needs"
            Parameter(self, f"{spec.name}-contract", name=parameter, contract=contract, description=description)


def _contract(spec: EndpointSpec, endpoint_name: str, role_arn: str, data: DataOutputs) -> ServingContract:
    return ServingContract(
        endpoint_name=endpoint_name,
        model=spec.model,
        role_arn=role_arn,
        image_uri=data.image_uri,
        memory_mb=spec.memory_mb,
        max_concurrency=spec.max_concurrency,
        model_package_group=data.model_package_groups[spec.model],
        signing_key_arn=data.signing_key_arn,
        artifact_bucket=data.artifact_bucket,
        kms_key_arn=data.key_arn,
    )
