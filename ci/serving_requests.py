"""What a release asks SageMaker for: a model and an endpoint configuration, made of a contract and a package."""

from typing import Any

from ci.model_registry import Package
from infra.spec.contract import (
    VARIANT_NAME,
    Capture,
    InstanceCapacity,
    Queueing,
    ServerlessCapacity,
    ServingContract,
)

# The variant that is there only while a release is on its way.
NEXT_VARIANT_NAME = "next"


def model_request(contract: ServingContract, package: Package) -> dict[str, Any]:
    """Return CreateModel's arguments but for name and tags."""
    from ml.contract import PUBLIC_KEY_VARIABLE

    environment = {PUBLIC_KEY_VARIABLE: package.public_key_pem}
    container = {"Image": contract.image_uri, "ModelDataUrl": package.bundle, "Environment": environment}
    request = {"PrimaryContainer": container, "ExecutionRoleArn": contract.role_arn}
    match contract.capacity:
        case InstanceCapacity(subnet_ids=subnets, security_group_ids=groups):
            network = {"Subnets": list(subnets), "SecurityGroupIds": list(groups)}
            return {**request, "VpcConfig": network, "EnableNetworkIsolation": True}
        case ServerlessCapacity():
            return request


def configuration_request(contract: ServingContract, model_name: str) -> dict[str, Any]:
    """Return CreateEndpointConfig's arguments but for name and tags."""
    variant = {"VariantName": VARIANT_NAME, "ModelName": model_name, **_machines(contract.capacity)}
    request: dict[str, Any] = {"ProductionVariants": [variant]}
    if isinstance(contract.capacity, InstanceCapacity) and contract.capacity.volume_key_arn:
        request["KmsKeyId"] = contract.capacity.volume_key_arn
    if contract.capture:
        request["DataCaptureConfig"] = _capture(contract.capture, contract.kms_key_arn)
    if contract.queueing:
        request["AsyncInferenceConfig"] = _queueing(contract.queueing, contract.kms_key_arn)
    return request


def beside_request(
    contract: ServingContract, old: dict[str, Any], model_name: str, *, mirrored: bool, count: int
) -> dict[str, Any]:
    """Return CreateEndpointConfig's arguments, but for name and tags, for a release beside the `old` variant.

    It begins without calls, or with copies of all; `count` are its first instances.
    """
    request = configuration_request(contract, model_name)
    (new,) = request["ProductionVariants"]
    new |= {"VariantName": NEXT_VARIANT_NAME, "InitialInstanceCount": count, "InitialVariantWeight": float(mirrored)}
    old = old | {"InitialVariantWeight": 1.0}
    if mirrored:
        return {**request, "ProductionVariants": [old], "ShadowProductionVariants": [new]}
    return {**request, "ProductionVariants": [old, new]}


def update_request(contract: ServingContract) -> dict[str, Any]:
    """Return what UpdateEndpoint keeps: how many instances there are, which autoscaling has decided meanwhile.

    Without it SageMaker goes back to the configuration's first count, in the middle of a busy day
    (hashicorp/terraform-provider-aws#48990). What is captured and who gets how many calls is the new configuration's
    to say.
    """
    match contract.capacity:
        case InstanceCapacity():
            excluded = [{"VariantPropertyType": kind} for kind in ("DataCaptureConfig", "DesiredWeight")]
            return {"RetainAllVariantProperties": True, "ExcludeRetainedVariantProperties": excluded}
        case ServerlessCapacity():
            return {}


def _machines(capacity: ServerlessCapacity | InstanceCapacity) -> dict[str, Any]:
    match capacity:
        case InstanceCapacity(instance_type=instance_type, initial_count=count):
            return {"InstanceType": instance_type, "InitialInstanceCount": count, "InitialVariantWeight": 1.0}
        case ServerlessCapacity(memory_mb=memory, max_concurrency=most, provisioned_concurrency=warm):
            size = {"MemorySizeInMB": memory, "MaxConcurrency": most}
            return {"ServerlessConfig": {**size, "ProvisionedConcurrency": warm} if warm else size}


def _capture(capture: Capture, key_arn: str) -> dict[str, Any]:
    return {
        "EnableCapture": True,
        "InitialSamplingPercentage": capture.percent,
        "DestinationS3Uri": capture.destination,
        "KmsKeyId": key_arn,
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": {"JsonContentTypes": ["application/json"]},
    }


def _queueing(queueing: Queueing, key_arn: str) -> dict[str, Any]:
    topics = {"SuccessTopic": queueing.succeeded_topic_arn, "ErrorTopic": queueing.failed_topic_arn}
    return {
        "ClientConfig": {"MaxConcurrentInvocationsPerInstance": queueing.concurrency},
        "OutputConfig": {
            "S3OutputPath": queueing.answers,
            "S3FailurePath": queueing.failures,
            "KmsKeyId": key_arn,
            "NotificationConfig": topics,
        },
    }
