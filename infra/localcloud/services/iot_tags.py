"""AWS IoT: tags of all its resources, which moto does not keep."""

from urllib.parse import parse_qsl

from infra.localcloud.operations import Context, Payload, after, operation
from infra.localcloud.tags import from_pairs, tags_of, to_pairs, untag

TAGGED = {
    # What is made, and where its answer and its removal name it.
    "BillingGroup": ("billingGroupName", "billingGroupArn", "billinggroup"),
    "Policy": ("policyName", "policyArn", "policy"),
    "RoleAlias": ("roleAlias", "roleAliasArn", "rolealias"),
    "ThingGroup": ("thingGroupName", "thingGroupArn", "thinggroup"),
    "ThingType": ("thingTypeName", "thingTypeArn", "thingtype"),
}


def keep_tags(context: Context, arn: str, tags: list[Payload] | str | None) -> None:
    """Remember the tags that something is made with; topic rules get them as a query string in a header."""
    given = dict(parse_qsl(tags)) if isinstance(tags, str) else from_pairs(tags)
    if given:
        tags_of(context, arn).update(given)


def forget_tags(context: Context, arn: str) -> None:
    """The next thing of that name begins without."""
    context.notes("Tags").pop(arn, None)


def _watch(kind: str, name: str, arn: str, path: str) -> None:
    @after("iot", f"Create{kind}")
    def keep(params: Payload, answer: Payload, context: Context) -> Payload:
        keep_tags(context, answer[arn], params.get("tags"))
        return answer

    @after("iot", f"Delete{kind}")
    def forget(params: Payload, answer: Payload, context: Context) -> Payload:
        forget_tags(context, context.arn(f"{path}/{params[name]}"))
        return answer


for _kind, _places in TAGGED.items():
    _watch(_kind, *_places)


@operation("iot", "ListTagsForResource")
def list_tags(params: Payload, context: Context) -> Payload:
    """The tags of a resource."""
    return {"tags": to_pairs(context.notes("Tags").get(params["resourceArn"], {}))}


@operation("iot", "TagResource")
def tag_resource(params: Payload, context: Context) -> Payload:
    """Add or change tags."""
    tags_of(context, params["resourceArn"]).update(from_pairs(params["tags"]))
    return {}


@operation("iot", "UntagResource")
def untag_resource(params: Payload, context: Context) -> Payload:
    """Remove tags."""
    untag(tags_of(context, params["resourceArn"]), params["tagKeys"])
    return {}
