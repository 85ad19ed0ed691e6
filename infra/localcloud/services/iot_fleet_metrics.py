"""AWS IoT fleet metrics: counts over the fleet index that go to CloudWatch, as machines/gauges.py sends them."""

from datetime import UTC, datetime

from infra.localcloud.operations import AwsError, Context, Payload, operation
from infra.localcloud.services.iot_tags import forget_tags, keep_tags


@operation("iot", "CreateFleetMetric")
def create_fleet_metric(params: Payload, context: Context) -> Payload:
    """A metric over things; this cloud counts, and knows neither percentiles nor cardinality."""
    kind = params["aggregationType"]
    if kind["name"] != "Statistics" or kind.get("values") != ["count"]:
        raise NotImplementedError(f"a fleet metric of {kind}")
    name, now = params["metricName"], datetime.now(UTC)
    arn = context.arn(f"fleetmetric/{name}")
    metric = {"indexName": "AWS_Things", "queryVersion": "2017-09-30", "metricArn": arn, "creationDate": now}
    metric |= {key: value for key, value in params.items() if key != "tags"} | {"lastModifiedDate": now, "version": 1}
    if context.resources("FleetMetric").setdefault(name, metric) is not metric:
        raise AwsError("ResourceAlreadyExistsException", f"Fleet metric {name} already exists.", 409)
    keep_tags(context, arn, params.get("tags"))
    return {"metricName": name, "metricArn": arn}


@operation("iot", "DescribeFleetMetric")
def describe_fleet_metric(params: Payload, context: Context) -> Payload:
    """One metric."""
    return _find(params, context)


@operation("iot", "ListFleetMetrics")
def list_fleet_metrics(params: Payload, context: Context) -> Payload:
    """All metrics."""
    found = context.resources("FleetMetric").values()
    return {"fleetMetrics": [{key: one[key] for key in ("metricName", "metricArn")} for one in found]}


@operation("iot", "UpdateFleetMetric")
def update_fleet_metric(params: Payload, context: Context) -> Payload:
    """Count something else."""
    metric = _find(params, context)
    metric.update(params, lastModifiedDate=datetime.now(UTC), version=metric["version"] + 1)
    return {}


@operation("iot", "DeleteFleetMetric")
def delete_fleet_metric(params: Payload, context: Context) -> Payload:
    """Count no more; a second time is no error, as on AWS."""
    if metric := context.resources("FleetMetric").pop(params["metricName"], None):
        forget_tags(context, metric["metricArn"])
    return {}


def _find(params: Payload, context: Context) -> Payload:
    metric = context.resources("FleetMetric").get(params["metricName"])
    if metric is None:
        raise AwsError("ResourceNotFoundException", f"Fleet metric {params['metricName']} does not exist.", 404)
    return metric
