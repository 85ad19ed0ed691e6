"""A SageMaker endpoint that waits for its first release."""

from typing import Any

from cdktf import Fn, TerraformLocal, TerraformResourceLifecycle
from cdktf_cdktf_provider_aws.cloudwatch_log_group import CloudwatchLogGroup
from cdktf_cdktf_provider_aws.sagemaker_endpoint import SagemakerEndpoint
from cdktf_cdktf_provider_aws.sagemaker_endpoint_configuration import (
    SagemakerEndpointConfiguration,
    SagemakerEndpointConfigurationDataCaptureConfigCaptureOptions,
    SagemakerEndpointConfigurationProductionVariants,
)
from cdktf_cdktf_provider_aws.sagemaker_model import SagemakerModel

from infra.spec.contract import (
    VARIANT_NAME,
    Capture,
    InstanceCapacity,
    Queueing,
    ServerlessCapacity,
    ServingContract,
)
from infra.toolkit import Construct, skip_check

_KEEP_LOGS_DAYS = 365
# What AWS takes, less the words and the figures that follow.
_LONGEST_STEM = 63 - len("-bootstrap-12345678")
# SageMaker changes neither models nor configurations. A new one stands before the old one goes.
_MADE_ANEW = TerraformResourceLifecycle(create_before_destroy=True)


class Endpoint(Construct):
    """The endpoint, and behind it a bootstrap model: the image without artefacts, which says that nothing is released.

    A release makes its own models and configurations; see docs/decisions/release-owns-configuration.md. `resource_id`
    is the variant as Application Auto Scaling names it.
    """

    def __init__(self, scope: Construct, id: str, *, contract: ServingContract) -> None:
        super().__init__(scope, id)
        tags = {"model": contract.model}
        # Made before SageMaker makes it, which would keep the logs for ever and in the clear.
        logs = CloudwatchLogGroup(
            self,
            "log_group",
            name=f"/aws/sagemaker/Endpoints/{contract.endpoint_name}",
            retention_in_days=_KEEP_LOGS_DAYS,
            kms_key_id=contract.kms_key_arn,
            tags=tags,
        )
        model = self._model(contract)
        configuration = self._configuration(contract, model)
        if isinstance(contract.capacity, ServerlessCapacity):
            # https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html, "Feature exclusions"
            skip_check(model, CKV_AWS_370="SageMaker offers no network isolation on a serverless endpoint")
            skip_check(configuration, CKV_AWS_98="a serverless endpoint has no volume that a key could encrypt")
        endpoint = SagemakerEndpoint(
            self,
            "endpoint",
            name=contract.endpoint_name,
            endpoint_config_name=configuration.name,
            lifecycle=TerraformResourceLifecycle(ignore_changes=["endpoint_config_name"]),
            depends_on=[logs],
            tags=tags,
        )
        self.name = contract.endpoint_name
        self.arn: str = endpoint.arn
        self.resource_id = f"endpoint/{endpoint.name}/variant/{VARIANT_NAME}"

    def _model(self, contract: ServingContract) -> SagemakerModel:
        content: Any = {
            "execution_role_arn": contract.role_arn,
            "primary_container": {"image": contract.image_uri},
            **_place(contract.capacity),
        }
        name = self._named_by_content("model_content", contract, content)
        return SagemakerModel(self, "model", name=name, tags={"model": contract.model}, lifecycle=_MADE_ANEW, **content)

    def _configuration(self, contract: ServingContract, model: SagemakerModel) -> SagemakerEndpointConfiguration:
        variant: Any = {"variant_name": VARIANT_NAME, "model_name": model.name, **_machines(contract.capacity)}
        content: Any = {"kms_key_arn": getattr(contract.capacity, "volume_key_arn", None)}
        if contract.capture:
            content["data_capture_config"] = _capture(contract.capture, contract.kms_key_arn)
        if contract.queueing:
            content["async_inference_config"] = _queueing(contract.queueing, contract.kms_key_arn)
        name = self._named_by_content("configuration_content", contract, [variant, content])
        if contract.capture:
            # Inside a list the bindings want their own classes; only this spelling is one that Terraform can hash.
            content["data_capture_config"]["capture_options"] = [
                SagemakerEndpointConfigurationDataCaptureConfigCaptureOptions(**option)
                for option in content["data_capture_config"]["capture_options"]
            ]
        return SagemakerEndpointConfiguration(
            self,
            "endpoint_configuration",
            name=name,
            production_variants=[SagemakerEndpointConfigurationProductionVariants(**variant)],
            tags={"model": contract.model},
            lifecycle=_MADE_ANEW,
            **content,
        )

    def _named_by_content(self, id: str, contract: ServingContract, content: Any) -> str:
        """Return a name that changes with what it names. Terraform does the sum: it alone knows all of the content."""
        whole = TerraformLocal(self, id, [contract.endpoint_name, content])
        figures = Fn.substr(Fn.sha256(Fn.jsonencode(whole.expression)), 0, 8)
        return f"{contract.endpoint_name[:_LONGEST_STEM]}-bootstrap-{figures}"


def _place(capacity: ServerlessCapacity | InstanceCapacity) -> Any:
    """Where a model's container stands. Serverless ones cannot be placed; the others have no way out at all."""
    match capacity:
        case InstanceCapacity(subnet_ids=subnets, security_group_ids=groups):
            network = {"subnets": list(subnets), "security_group_ids": list(groups)}
            return {"enable_network_isolation": True, "vpc_config": network}
        case ServerlessCapacity():
            return {}


def _machines(capacity: ServerlessCapacity | InstanceCapacity) -> Any:
    match capacity:
        case InstanceCapacity(instance_type=instance_type, initial_count=count):
            return {"instance_type": instance_type, "initial_instance_count": count, "initial_variant_weight": 1}
        case ServerlessCapacity(memory_mb=memory, max_concurrency=most, provisioned_concurrency=warm):
            size = {"memory_size_in_mb": memory, "max_concurrency": most}
            return {"serverless_config": {**size, "provisioned_concurrency": warm} if warm else size}


def _capture(capture: Capture, key_arn: str) -> Any:
    return {
        "enable_capture": True,
        "initial_sampling_percentage": capture.percent,
        "destination_s3_uri": capture.destination,
        "kms_key_id": key_arn,
        "capture_options": [{"capture_mode": "Input"}, {"capture_mode": "Output"}],
        # Else SageMaker writes JSON as base64.
        "capture_content_type_header": {"json_content_types": ["application/json"]},
    }


def _queueing(queueing: Queueing, key_arn: str) -> Any:
    topics = {"success_topic": queueing.succeeded_topic_arn, "error_topic": queueing.failed_topic_arn}
    return {
        "client_config": {"max_concurrent_invocations_per_instance": queueing.concurrency},
        "output_config": {
            "s3_output_path": queueing.answers,
            "s3_failure_path": queueing.failures,
            "kms_key_id": key_arn,
            "notification_config": topics,
        },
    }
