"""Where a region's models answer."""

from infra.endpoint import Endpoint
from infra.endpoint_scaling import EndpointScaling
from infra.hosting import capacity_of, capture_of
from infra.inference_api import InferenceApi
from infra.inference_queue import InferenceQueue
from infra.naming import Names
from infra.parameter import Parameter
from infra.sagemaker_role import SageMakerRole
from infra.spec import EndpointSpec, Environment, RegionSpec
from infra.spec.contract import ServingContract
from infra.toolkit import Construct, Stack
from infra.web_acl import WebAcl
from stacks.data import DataOutputs
from stacks.network import NetworkOutputs


class ServingStack(Stack):
    """The endpoints, how they scale, for each the contract that tells a release of it, and an API in front of them."""

    def __init__(
        self, scope: Construct, environment: Environment, region: RegionSpec, network: NetworkOutputs, data: DataOutputs
    ) -> None:
        super().__init__(scope, environment, region.name, "serving")
        names = Names.of(environment, region.name)
        queue = InferenceQueue(
            self,
            "inference",
            names=names,
            bucket=data.data_bucket,
            bucket_arn=data.data_bucket_arn,
            key_arn=data.key_arn,
        )
        role = SageMakerRole(
            self,
            "endpoints",
            names=names,
            purpose="serving",
            reads=(data.artifact_bucket_arn,),
            writes=(f"{data.data_bucket_arn}/captured",),
            more=queue.statements,
            key_arn=data.key_arn,
            repository_arn=data.repository_arn,
            log_groups="/aws/sagemaker/Endpoints/*",
            in_network=True,
        )
        # Groups, so that whatever an endpoint is called, nothing else is called so.
        group, scalings, contracts = (Construct(self, id) for id in ("endpoint", "scaling", "contract"))
        endpoints = {}
        for spec in region.endpoints:
            contract = _contract(spec, names, network, data, role_arn=role.arn, queue=queue)
            endpoint = endpoints[spec.name] = Endpoint(group, spec.name, contract=contract)
            scaled = {"endpoint_name": endpoint.name, "resource_id": endpoint.resource_id}
            EndpointScaling(scalings, spec.name, spec=spec, **scaled)
            parameter = ServingContract.parameter_name(environment.project, environment.name, spec.name)
            description = f"What a release to {spec.name} needs"
            Parameter(contracts, spec.name, name=parameter, contract=contract, description=description)
        for front in region.apis:
            api = InferenceApi(
                self,
                "api",
                spec=front,
                names=names,
                endpoints={name: endpoints[name].name for name in region.answering_at_once},
                endpoint_arns=[endpoints[name].arn for name in region.answering_at_once],
                vpc_endpoint_id=network.endpoint_ids.get("execute-api"),
                key_arn=data.key_arn,
            )
            for acl in front.web_acls:
                WebAcl(self, "web-acl", spec=acl, names=names, stage_arn=api.stage_arn, key_arn=data.key_arn)


def _contract(
    spec: EndpointSpec,
    names: Names,
    network: NetworkOutputs,
    data: DataOutputs,
    *,
    role_arn: str,
    queue: InferenceQueue,
) -> ServingContract:
    return ServingContract(
        endpoint_name=names.regional(spec.name),
        model=spec.model,
        kind=spec.kind,
        role_arn=role_arn,
        image_uri=data.image_of("serve"),
        capacity=capacity_of(
            spec.hosting,
            key_arn=data.key_arn,
            subnet_ids=network.subnet_ids,
            security_group_id=network.security_group_id,
        ),
        capture=capture_of(spec.hosting, destination=f"s3://{data.data_bucket}/captured"),
        queueing=queue.place(spec),
        model_package_group=data.model_package_groups[spec.model],
        signing_key_arn=data.signing_key_arn,
        artifact_bucket=data.artifact_bucket,
        kms_key_arn=data.key_arn,
    )
