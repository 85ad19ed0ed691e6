"""EC2 placement groups, which keep the machines of one cluster close together, and their tags."""

import secrets

from infra.localcloud.operations import AwsError, Context, Payload, operation
from infra.localcloud.tags import from_pairs, tags_of, to_pairs, untag


@operation("ec2", "CreatePlacementGroup")
def create_placement_group(params: Payload, context: Context) -> Payload:
    """A group, ready at once."""
    name = params["GroupName"]
    identifier = f"pg-{secrets.token_hex(8)}"
    group = {
        "GroupName": name,
        "GroupId": identifier,
        "GroupArn": context.arn(f"placement-group/{name}"),
        "State": "available",
        "Strategy": params.get("Strategy", "cluster"),
    }
    group |= {member: params[member] for member in ("PartitionCount", "SpreadLevel") if member in params}
    if context.resources("PlacementGroup").setdefault(name, group) is not group:
        raise AwsError("InvalidPlacementGroup.Duplicate", f"The Placement Group '{name}' already exists.")
    for specification in params.get("TagSpecifications", ()):
        tags_of(context, identifier).update(from_pairs(specification.get("Tags")))
    return {"PlacementGroup": _tagged(group, context)}


@operation("ec2", "DescribePlacementGroups")
def describe_placement_groups(params: Payload, context: Context) -> Payload:
    """The groups that are named, or all, as far as every filter agrees."""
    groups = context.resources("PlacementGroup")
    for name in params.get("GroupNames", ()):
        if name not in groups:
            raise _unknown(name)
    wanted = (params.get("GroupNames"), params.get("GroupIds"))
    found = [_tagged(group, context) for group in groups.values() if _asked_for(group, *wanted)]
    return {"PlacementGroups": [group for group in found if _passes(group, params.get("Filters", ()))]}


@operation("ec2", "DeletePlacementGroup")
def delete_placement_group(params: Payload, context: Context) -> Payload:
    """The group goes with its tags."""
    group = context.resources("PlacementGroup").pop(params["GroupName"], None)
    if group is None:
        raise _unknown(params["GroupName"])
    context.notes("Tags").pop(group["GroupId"], None)
    return {}


@operation("ec2", "CreateTags")
def create_tags(params: Payload, context: Context) -> Payload:
    """Tags of placement groups stay here, all others are moto's."""
    for identifier in _ours(params):
        tags_of(context, identifier).update(from_pairs(params["Tags"]))
    return _forward_others(params, context)


@operation("ec2", "DeleteTags")
def delete_tags(params: Payload, context: Context) -> Payload:
    """Remove the tags that are named, or all."""
    for identifier in _ours(params):
        tags = tags_of(context, identifier)
        untag(tags, [pair["Key"] for pair in params.get("Tags", to_pairs(tags))])
    return _forward_others(params, context)


def _unknown(name: str) -> AwsError:
    return AwsError("InvalidPlacementGroup.Unknown", f"The Placement Group '{name}' is unknown.")


def _tagged(group: Payload, context: Context) -> Payload:
    return {**group, "Tags": to_pairs(tags_of(context, group["GroupId"]))}


def _asked_for(group: Payload, names: list[str] | None, identifiers: list[str] | None) -> bool:
    return (not names or group["GroupName"] in names) and (not identifiers or group["GroupId"] in identifiers)


def _passes(group: Payload, filters: list[Payload]) -> bool:
    values = {"group-name": group["GroupName"], "strategy": group["Strategy"], "state": group["State"]}
    values |= {f"tag:{pair['Key']}": pair["Value"] for pair in group["Tags"]}
    return all(values.get(one["Name"]) in one["Values"] for one in filters)


def _ours(params: Payload) -> list[str]:
    return [identifier for identifier in params["Resources"] if identifier.startswith("pg-")]


def _forward_others(params: Payload, context: Context) -> Payload:
    others = [identifier for identifier in params["Resources"] if not identifier.startswith("pg-")]
    return context.forward({**params, "Resources": others}) if others else {}
