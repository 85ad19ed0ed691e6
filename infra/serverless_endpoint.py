"""A serverless SageMaker endpoint that waits for its first release."""

from cdktf import TerraformResourceLifecycle
from cdktf_cdktf_provider_aws.cloudwatch_log_group import CloudwatchLogGroup
from cdktf_cdktf_provider_aws.sagemaker_endpoint import SagemakerEndpoint
from cdktf_cdktf_provider_aws.sagemaker_endpoint_configuration import (
    SagemakerEndpointConfiguration,
    SagemakerEndpointConfigurationProductionVariants,
    SagemakerEndpointConfigurationProductionVariantsServerlessConfig,
)
from cdktf_cdktf_provider_aws.sagemaker_model import SagemakerModel, SagemakerModelPrimaryContainer

from infra.naming import Names
from infra.spec import EndpointSpec
from infra.spec.contract import VARIANT_NAME
from infra.toolkit import Construct, skip_check

_KEEP_LOGS_DAYS = 365


class ServerlessEndpoint(Construct):
    """The endpoint, and behind it a bootstrap model: the image without artefacts, which says that nothing is released.

    A release makes its own models and configurations; see docs/decisions/release-owns-configuration.md.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        spec: EndpointSpec,
        names: Names,
        image_uri: str,
        role_arn: str,
        key_arn: str,
    ) -> None:
        super().__init__(scope, id)
        tags = {"model": spec.model}
        self.name = names.regional(spec.name)
        # Made before SageMaker makes it, which would keep the logs for ever and in the clear.
        logs = CloudwatchLogGroup(
            self,
            "log_group",
            name=f"/aws/sagemaker/Endpoints/{self.name}",
            retention_in_days=_KEEP_LOGS_DAYS,
            kms_key_id=key_arn,
            tags=tags,
        )
        model = SagemakerModel(
            self,
            "model",
            name=f"{self.name}-bootstrap",
            execution_role_arn=role_arn,
            primary_container=SagemakerModelPrimaryContainer(image=image_uri),
            tags=tags,
        )
        configuration = SagemakerEndpointConfiguration(
            self,
            "endpoint_configuration",
            name=f"{self.name}-bootstrap",
            production_variants=[_variant(spec, model)],
            tags=tags,
        )
        # https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html, "Feature exclusions"
        skip_check(model, CKV_AWS_370="SageMaker offers no network isolation on a serverless endpoint")
        skip_check(configuration, CKV_AWS_98="a serverless endpoint has no volume that a key could encrypt")
        SagemakerEndpoint(
            self,
            "endpoint",
            name=self.name,
            endpoint_config_name=configuration.name,
            lifecycle=TerraformResourceLifecycle(ignore_changes=["endpoint_config_name"]),
            depends_on=[logs],
            tags=tags,
        )


def _variant(spec: EndpointSpec, model: SagemakerModel) -> SagemakerEndpointConfigurationProductionVariants:
    capacity = SagemakerEndpointConfigurationProductionVariantsServerlessConfig(
        memory_size_in_mb=spec.memory_mb, max_concurrency=spec.max_concurrency
    )
    return SagemakerEndpointConfigurationProductionVariants(
        variant_name=VARIANT_NAME, model_name=model.name, serverless_config=capacity
    )
