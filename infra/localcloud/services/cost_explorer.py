"""Cost Explorer's own resources: anomaly monitors, their subscriptions, and which tags the bill is split by."""

import uuid
from datetime import UTC, datetime

from infra.localcloud.operations import AwsError, Context, Payload, operation
from infra.localcloud.tags import from_pairs, tags_of, to_pairs, untag


@operation("ce", "CreateAnomalyMonitor")
def create_anomaly_monitor(params: Payload, context: Context) -> Payload:
    """Watch a dimension of the bill, or a part of it."""
    arn = _arn(context, "anomalymonitor")
    today = datetime.now(UTC).date().isoformat()
    context.resources("AnomalyMonitor")[arn] = {
        "DimensionalValueCount": 0,
        **params["AnomalyMonitor"],
        "MonitorArn": arn,
        "CreationDate": today,
        "LastUpdatedDate": today,
    }
    tags_of(context, arn).update(from_pairs(params.get("ResourceTags")))
    return {"MonitorArn": arn}


@operation("ce", "GetAnomalyMonitors")
def get_anomaly_monitors(params: Payload, context: Context) -> Payload:
    """The monitors asked for, or all."""
    return {"AnomalyMonitors": _chosen("AnomalyMonitor", params.get("MonitorArnList"), context)}


@operation("ce", "UpdateAnomalyMonitor")
def update_anomaly_monitor(params: Payload, context: Context) -> Payload:
    """Rename a monitor: nothing else of it can change."""
    monitor = _find("AnomalyMonitor", params["MonitorArn"], context)
    monitor.update({name: value for name, value in params.items() if name == "MonitorName"})
    return {"MonitorArn": params["MonitorArn"]}


@operation("ce", "DeleteAnomalyMonitor")
def delete_anomaly_monitor(params: Payload, context: Context) -> Payload:
    """The monitor goes with its tags."""
    return _delete("AnomalyMonitor", params["MonitorArn"], context)


@operation("ce", "CreateAnomalySubscription")
def create_anomaly_subscription(params: Payload, context: Context) -> Payload:
    """Who hears of the anomalies that monitors find, how often, from which size."""
    for monitor in params["AnomalySubscription"]["MonitorArnList"]:
        _find("AnomalyMonitor", monitor, context)
    arn = _arn(context, "anomalysubscription")
    context.resources("AnomalySubscription")[arn] = {
        **params["AnomalySubscription"],
        "SubscriptionArn": arn,
        "AccountId": context.account,
    }
    tags_of(context, arn).update(from_pairs(params.get("ResourceTags")))
    return {"SubscriptionArn": arn}


@operation("ce", "GetAnomalySubscriptions")
def get_anomaly_subscriptions(params: Payload, context: Context) -> Payload:
    """The subscriptions asked for, or all; or those of one monitor."""
    found = _chosen("AnomalySubscription", params.get("SubscriptionArnList"), context)
    monitor = params.get("MonitorArn")
    return {"AnomalySubscriptions": [one for one in found if monitor is None or monitor in one["MonitorArnList"]]}


@operation("ce", "UpdateAnomalySubscription")
def update_anomaly_subscription(params: Payload, context: Context) -> Payload:
    """Change whatever is given."""
    subscription = _find("AnomalySubscription", params["SubscriptionArn"], context)
    subscription.update(params)
    return {"SubscriptionArn": params["SubscriptionArn"]}


@operation("ce", "DeleteAnomalySubscription")
def delete_anomaly_subscription(params: Payload, context: Context) -> Payload:
    """The subscription goes with its tags."""
    return _delete("AnomalySubscription", params["SubscriptionArn"], context)


@operation("ce", "ListCostAllocationTags")
def list_cost_allocation_tags(params: Payload, context: Context) -> Payload:
    """Tags that were ever switched on or off; this cloud has seen no others."""
    known = context.notes("CostAllocationTag") | context.resources("CostAllocationTag")
    keys, status = params.get("TagKeys"), params.get("Status")
    chosen = [tag for key, tag in known.items() if keys is None or key in keys]
    return {"CostAllocationTags": [tag for tag in chosen if status in (None, tag["Status"])]}


@operation("ce", "UpdateCostAllocationTagsStatus")
def update_cost_allocation_tags(params: Payload, context: Context) -> Payload:
    """Split the bill by these tags from now on, or no longer. Only active ones count as resources."""
    for entry in params["CostAllocationTagsStatus"]:
        tag = {**entry, "Type": "UserDefined", "LastUpdatedDate": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}
        context.notes("CostAllocationTag")[entry["TagKey"]] = tag
        if entry["Status"] == "Active":
            context.resources("CostAllocationTag")[entry["TagKey"]] = tag
        else:
            context.resources("CostAllocationTag").pop(entry["TagKey"], None)
    return {"Errors": []}


@operation("ce", "ListTagsForResource")
def list_tags(params: Payload, context: Context) -> Payload:
    """Tags of a monitor or subscription; moto has those of cost categories."""
    if not _ours(params, context):
        return context.forward(None)
    return {"ResourceTags": to_pairs(tags_of(context, params["ResourceArn"]))}


@operation("ce", "TagResource")
def tag_resource(params: Payload, context: Context) -> Payload:
    """Add or change tags."""
    if not _ours(params, context):
        return context.forward(None)
    tags_of(context, params["ResourceArn"]).update(from_pairs(params["ResourceTags"]))
    return {}


@operation("ce", "UntagResource")
def untag_resource(params: Payload, context: Context) -> Payload:
    """Remove tags."""
    if not _ours(params, context):
        return context.forward(None)
    untag(tags_of(context, params["ResourceArn"]), params["ResourceTagKeys"])
    return {}


def _arn(context: Context, kind: str) -> str:
    return f"arn:aws:ce::{context.account}:{kind}/{uuid.uuid4()}"


def _ours(params: Payload, context: Context) -> bool:
    return params["ResourceArn"].split(":")[-1].split("/")[0] in ("anomalymonitor", "anomalysubscription")


def _find(kind: str, arn: str, context: Context) -> Payload:
    found = context.resources(kind).get(arn)
    if found is None:
        code = "UnknownMonitorException" if kind == "AnomalyMonitor" else "UnknownSubscriptionException"
        raise AwsError(code, f"Unknown {kind} {arn}.")
    return found


def _chosen(kind: str, arns: list[str] | None, context: Context) -> list[Payload]:
    return list(context.resources(kind).values()) if not arns else [_find(kind, arn, context) for arn in arns]


def _delete(kind: str, arn: str, context: Context) -> Payload:
    _find(kind, arn, context)
    context.resources(kind).pop(arn, None)
    context.notes("Tags").pop(arn, None)
    return {}
