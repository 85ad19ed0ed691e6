"""Application Auto Scaling: tags of scalable targets and what scaling did, which moto does not keep."""

from infra.localcloud.operations import Context, Payload, after, operation
from infra.localcloud.tags import tags_of, untag

SERVICE = "application-autoscaling"


@after(SERVICE, "RegisterScalableTarget")
def remember_tags(params: Payload, answer: Payload, context: Context) -> Payload:
    """Tags come with the registration."""
    tags_of(context, answer["ScalableTargetARN"]).update(params.get("Tags", {}))
    return answer


@operation(SERVICE, "ListTagsForResource")
def list_tags(params: Payload, context: Context) -> Payload:
    """The tags of a target."""
    return {"Tags": tags_of(context, params["ResourceARN"])}


@operation(SERVICE, "TagResource")
def tag_resource(params: Payload, context: Context) -> Payload:
    """Add or change tags."""
    tags_of(context, params["ResourceARN"]).update(params["Tags"])
    return {}


@operation(SERVICE, "UntagResource")
def untag_resource(params: Payload, context: Context) -> Payload:
    """Remove tags."""
    untag(tags_of(context, params["ResourceARN"]), params["TagKeys"])
    return {}
