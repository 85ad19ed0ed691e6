"""S3 bucket settings that moto takes for something else: `DELETE /bucket?metrics` would delete the bucket."""

import json

from infra.localcloud.operations import AwsError, Context, Payload, after, operation

KINDS = ("Metrics", "IntelligentTiering", "Analytics", "Inventory")
"""Settings of which a bucket may have many, each with an id of its own."""


def _settings(kind: str, bucket: str, context: Context) -> dict[str, Payload]:
    """id → configuration. Buckets are found from every region, so their settings are too."""
    table = context.cloud.notes("s3", kind, account=context.account, region="aws-global")
    return table.setdefault(bucket, {})


def _keep(kind: str) -> None:
    body = f"{kind}Configuration"

    @operation("s3", f"PutBucket{body}")
    def put(params: Payload, context: Context) -> Payload:
        _settings(kind, params["Bucket"], context)[params["Id"]] = params[body]
        return {}

    @operation("s3", f"GetBucket{body}")
    def get(params: Payload, context: Context) -> Payload:
        found = _settings(kind, params["Bucket"], context).get(params["Id"])
        if found is None:
            raise AwsError("NoSuchConfiguration", "The specified configuration does not exist.", 404)
        return {body: found}

    @operation("s3", f"ListBucket{body}s")
    def list_all(params: Payload, context: Context) -> Payload:
        return {f"{body}List": list(_settings(kind, params["Bucket"], context).values()), "IsTruncated": False}

    @operation("s3", f"DeleteBucket{body}")
    def delete(params: Payload, context: Context) -> Payload:
        _settings(kind, params["Bucket"], context).pop(params["Id"], None)
        return {}


for _kind in KINDS:
    _keep(_kind)


@operation("s3", "PutBucketPolicy")
def put_bucket_policy(params: Payload, context: Context) -> Payload:
    """Keep the whole policy; hand moto the statements without conditions.

    moto evaluates no condition: "deny unless TLS" would deny everyone. On 127.0.0.1 nobody listens in.
    """
    document = json.loads(params["Policy"])
    statements = document.get("Statement", [])
    enforced = [one for one in (statements if isinstance(statements, list) else [statements]) if "Condition" not in one]
    answer = context.forward({**params, "Policy": json.dumps({**document, "Statement": enforced})})
    _settings("Policy", params["Bucket"], context)["whole"] = {"Policy": params["Policy"]}
    return answer


@after("s3", "GetBucketPolicy")
def get_bucket_policy(params: Payload, answer: Payload, context: Context) -> Payload:
    """The policy as it was given."""
    return {**answer, **_settings("Policy", params["Bucket"], context).get("whole", {})}


@after("s3", "PutBucketNotificationConfiguration")
def remember_event_bridge(params: Payload, answer: Payload, context: Context) -> Payload:
    """moto forgets that all events go to EventBridge."""
    events = "EventBridgeConfiguration" in params["NotificationConfiguration"]
    _settings("Notification", params["Bucket"], context)["whole"] = {"EventBridgeConfiguration": {}} if events else {}
    return answer


@after("s3", "GetBucketNotificationConfiguration")
def tell_event_bridge(params: Payload, answer: Payload, context: Context) -> Payload:
    """Tell again where the events go."""
    return {**answer, **_settings("Notification", params["Bucket"], context).get("whole", {})}


@after("s3", "DeleteBucket")
def forget_settings(params: Payload, answer: Payload, context: Context) -> Payload:
    """The next bucket of that name begins without them."""
    for kind in (*KINDS, "Policy", "Notification"):
        context.cloud.notes("s3", kind, account=context.account, region="aws-global").pop(params["Bucket"], None)
    return answer
