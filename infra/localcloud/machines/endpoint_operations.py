"""SageMaker's operations on endpoints: moto keeps the records, the model servers follow."""

from collections.abc import Mapping

from infra.localcloud.machines.hosting import moto_records
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
    _refuse_second(moto_records(key).endpoint_configs, "endpoint-config", key[2], context)
    return context.forward(None)


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
    if moto.endpoints[name].endpoint_status not in ("InService", "Failed"):
        raise AwsError("ValidationException", f'Cannot update in-progress endpoint "{arn}".')
    retained: set[str] = set()
    if params.get("RetainAllVariantProperties"):
        excluded = {kind["VariantPropertyType"] for kind in params.get("ExcludeRetainedVariantProperties") or ()}
        retained = {name for kind, names in RETAINED.items() if kind not in excluded for name in names}
    moto.endpoints[name].last_modified_time = utcnow()
    machines_of(context.cloud).hosting.open(key, config_name, retained)
    return {"EndpointArn": arn}


@after("sagemaker", "DeleteEndpoint")
def end_servers(params: Payload, answer: Payload, context: Context) -> Payload:
    """Its servers finish what they are at, and end."""
    machines_of(context.cloud).hosting.close((context.account, context.region, params["EndpointName"]))
    return answer


def _refuse_second(existing: Mapping[str, object], kind: str, name: str, context: Context) -> None:
    if name in existing:
        words, arn = kind.replace("-config", " configuration"), context.arn(f"{kind}/{name}")
        raise AwsError("ValidationException", f'Cannot create already existing {words} "{arn}".')
