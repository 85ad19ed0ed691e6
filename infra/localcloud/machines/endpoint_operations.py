"""SageMaker's operations on endpoints: moto keeps the records, the model servers follow."""

from collections.abc import Mapping
from typing import Any

from moto.core.utils import get_service_model

from infra.localcloud.machines.endpoint_records import moto_records
from infra.localcloud.machines.registry import machines_of
from infra.localcloud.operations import AwsError, Context, Payload, after, operation

RETAINED = {
    "DesiredInstanceCount": ("DesiredInstanceCount", "CurrentInstanceCount"),
    "DesiredWeight": ("DesiredWeight", "CurrentWeight"),
}


@operation("sagemaker", "CreateModel")
def create_model(params: Payload, context: Context) -> Payload:
    """moto would overwrite a model of the same name."""
    key = (context.account, context.region, params["ModelName"])
    _refuse_second(moto_records(key)._models, "model", key[2], context)
    return context.forward(None)


@operation("sagemaker", "CreateEndpointConfig")
def create_endpoint_config(params: Payload, context: Context) -> Payload:
    """moto would overwrite a configuration of the same name."""
    key = (context.account, context.region, params["EndpointConfigName"])
    configs = moto_records(key).endpoint_configs
    _refuse_second(configs, "endpoint-config", key[2], context)
    variants, shadows = params["ProductionVariants"], params.get("ShadowProductionVariants") or []
    _check_variants(variants, shadows)
    if all("InstanceType" not in variant for variant in variants):
        return context.forward(None)
    # moto's list of instance types ends some years ago; botocore's is today's.
    known = get_service_model("sagemaker").shape_for("ProductionVariantInstanceType").enum
    for variant in (*variants, *shadows):
        if (asked := variant.get("InstanceType", known[0])) not in known:
            raise AwsError("ValidationException", f"Value '{asked}' at 'instanceType' is no instance type to host on.")
    stand_ins = [variant | {"InstanceType": "ml.m5.large"} for variant in variants]
    answer = context.forward(params | {"ProductionVariants": stand_ins})
    configs[key[2]].production_variants = variants
    configs[key[2]].shadow_production_variants = shadows
    return answer


def _check_variants(variants: list[Payload], shadows: list[Payload]) -> None:
    """What cannot stand together: https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html."""
    if shadows and (len(variants), len(shadows)) != (1, 1):
        raise AwsError("ValidationException", "One production variant can have one shadow variant.")
    if len([*variants, *shadows]) > 1 and any("ServerlessConfig" in one for one in (*variants, *shadows)):
        raise AwsError("ValidationException", "A serverless variant is the only one of its endpoint.")


@after("sagemaker", "DescribeEndpoint")
def tell_shadows(params: Payload, answer: Payload, context: Context) -> Payload:
    """moto knows no shadow variants."""
    record = moto_records((context.account, context.region, "")).endpoints[params["EndpointName"]]
    shadows = getattr(record, "shadow_production_variants", None)
    return {**answer, "ShadowProductionVariants": shadows} if shadows else answer


@operation("sagemaker", "CreateEndpoint")
def create_endpoint(params: Payload, context: Context) -> Payload:
    """Keep the record, then stand up what its configuration says."""
    key = (context.account, context.region, params["EndpointName"])
    _refuse_second(moto_records(key).endpoints, "endpoint", key[2], context)
    answer = context.forward(None)
    machines_of(context.cloud).hosting.open(key, params["EndpointConfigName"])
    return answer


@operation("sagemaker", "UpdateEndpoint")
def update_endpoint(params: Payload, context: Context) -> Payload:
    """Move to another configuration; the old servers answer until the new ones can."""
    from moto.core.utils import utcnow

    name, config_name = params["EndpointName"], params["EndpointConfigName"]
    key = (context.account, context.region, name)
    moto = moto_records(key)
    arn, config_arn = context.arn(f"endpoint/{name}"), context.arn(f"endpoint-config/{config_name}")
    if name not in moto.endpoints:
        raise AwsError("ValidationException", f'Could not find endpoint "{arn}".')
    if config_name not in moto.endpoint_configs:
        raise AwsError("ValidationException", f'Could not find endpoint configuration "{config_arn}".')
    _refuse_in_progress(moto.endpoints[name], arn)
    retained: set[str] = set()
    if params.get("RetainAllVariantProperties"):
        excluded = {kind["VariantPropertyType"] for kind in params.get("ExcludeRetainedVariantProperties") or ()}
        retained = {name for kind, names in RETAINED.items() if kind not in excluded for name in names}
    moto.endpoints[name].last_modified_time = utcnow()
    machines_of(context.cloud).hosting.open(key, config_name, retained)
    return {"EndpointArn": arn}


@operation("sagemaker", "UpdateEndpointWeightsAndCapacities")
def update_weights_and_capacities(params: Payload, context: Context) -> Payload:
    """moto would forget the weight where only the count is given, and the other way round."""
    name = params["EndpointName"]
    key = (context.account, context.region, name)
    endpoint = moto_records(key).endpoints.get(name)
    if endpoint is None:
        raise AwsError("ValidationException", f'Could not find endpoint "{context.arn(f"endpoint/{name}")}".')
    _refuse_in_progress(endpoint, endpoint.arn)
    shown = {variant["VariantName"]: variant for variant in endpoint.production_variants}
    wanted = {change["VariantName"]: change for change in params["DesiredWeightsAndCapacities"]}
    if unknown := wanted.keys() - shown.keys():
        message = f"The variant name(s) {', '.join(map(repr, sorted(unknown)))} is/are not present within the endpoint."
        raise AwsError("ValidationException", message)
    for variant, change in wanted.items():
        if (weight := change.get("DesiredWeight")) is not None:
            shown[variant] |= {"DesiredWeight": weight, "CurrentWeight": weight}
    counts = {
        variant: change["DesiredInstanceCount"]
        for variant, change in wanted.items()
        if "DesiredInstanceCount" in change
    }
    machines_of(context.cloud).hosting.scale(key, counts)
    return {"EndpointArn": endpoint.arn}


@operation("sagemaker-runtime", "InvokeEndpointAsync")
def invoke_endpoint_async(params: Payload, context: Context) -> Payload:
    """Queue a request that lies in S3."""
    machines, name = machines_of(context.cloud), params["EndpointName"]
    endpoint = machines.hosting.find((context.account, context.region, name))
    if endpoint is None:
        raise AwsError("ValidationError", f"Endpoint {name} of account {context.account} not found.")
    if endpoint.asynchronous is None:
        raise AwsError("ValidationError", f"Endpoint {name} is not asynchronous: use InvokeEndpoint.")
    try:
        request = machines.queues.submit(endpoint, params)
    except ValueError as error:
        raise AwsError("ValidationError", str(error)) from error
    failure = {"FailureLocation": str(request.failure)} if request.failure else {}
    return {"InferenceId": request.id, "OutputLocation": str(request.output), **failure}


@after("sagemaker", "DeleteEndpoint")
def end_servers(params: Payload, answer: Payload, context: Context) -> Payload:
    """Its servers finish what they are at, and end."""
    machines_of(context.cloud).hosting.close((context.account, context.region, params["EndpointName"]))
    return answer


def _refuse_second(existing: Mapping[str, object], kind: str, name: str, context: Context) -> None:
    if name in existing:
        words, arn = kind.replace("-config", " configuration"), context.arn(f"{kind}/{name}")
        raise AwsError("ValidationException", f'Cannot create already existing {words} "{arn}".')


def _refuse_in_progress(endpoint: Any, arn: str) -> None:
    if endpoint.endpoint_status not in ("InService", "Failed"):
        raise AwsError("ValidationException", f'Cannot update in-progress endpoint "{arn}".')


@operation("application-autoscaling", "DescribeScalingActivities")
def describe_scaling_activities(params: Payload, context: Context) -> Payload:
    """What the autoscaler did, the latest first."""
    resource = params.get("ResourceId")
    done = machines_of(context.cloud).autoscaler.activities
    return {"ScalingActivities": [one for one in done if resource in (None, one["ResourceId"])]}
