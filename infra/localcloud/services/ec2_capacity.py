"""EC2 capacity reservations: machines that are held in a zone, as far as this cloud's settings have any there."""

import secrets

from infra.localcloud.machines.settings import Settings
from infra.localcloud.operations import AwsError, Context, Payload, operation
from infra.localcloud.tags import from_pairs, to_pairs


@operation("ec2", "CreateCapacityReservation")
def create_capacity_reservation(params: Payload, context: Context) -> Payload:
    """Hold machines, or say at once that there are none."""
    kind, zone, count = params["InstanceType"], params["AvailabilityZone"], params["InstanceCount"]
    # Read anew each time: a market changes while a cloud runs.
    if f"{kind} {zone}" in Settings.of(context.cloud.folder).no_capacity:
        told = f"We currently do not have sufficient {kind} capacity in the Availability Zone you requested ({zone})."
        raise AwsError("InsufficientInstanceCapacity", told, 500)
    identifier = f"cr-{secrets.token_hex(8)}"
    named = ("EndDate", "EndDateType", "InstanceMatchCriteria", "InstancePlatform", "Tenancy")
    reservation = {
        "CapacityReservationId": identifier,
        "CapacityReservationArn": context.arn(f"capacity-reservation/{identifier}"),
        "OwnerId": context.account,
        "InstanceType": kind,
        "AvailabilityZone": zone,
        "TotalInstanceCount": count,
        "AvailableInstanceCount": count,
        "State": "active",
        **{name: params[name] for name in named if name in params},
    }
    given = (from_pairs(one.get("Tags")) for one in params.get("TagSpecifications", ()))
    reservation["Tags"] = to_pairs({name: value for tags in given for name, value in tags.items()})
    context.resources("CapacityReservation")[identifier] = reservation
    return {"CapacityReservation": reservation}


@operation("ec2", "DescribeCapacityReservations")
def describe_capacity_reservations(params: Payload, context: Context) -> Payload:
    """Those that are held, as far as every filter agrees. A cancelled one is forgotten at once."""
    wanted = params.get("CapacityReservationIds")
    found = [one for name, one in context.resources("CapacityReservation").items() if not wanted or name in wanted]
    return {"CapacityReservations": [one for one in found if _passes(one, params.get("Filters", ()))]}


@operation("ec2", "CancelCapacityReservation")
def cancel_capacity_reservation(params: Payload, context: Context) -> Payload:
    """Hold them no more."""
    identifier = params["CapacityReservationId"]
    if context.resources("CapacityReservation").pop(identifier, None) is None:
        raise AwsError("InvalidCapacityReservationId.NotFound", f"The capacity reservation '{identifier}' is unknown.")
    return {"Return": True}


def _passes(one: Payload, filters: list[Payload]) -> bool:
    values = {"state": one["State"], "instance-type": one["InstanceType"], "availability-zone": one["AvailabilityZone"]}
    values |= {f"tag:{pair['Key']}": pair["Value"] for pair in one["Tags"]}
    return all(values.get(asked["Name"]) in asked["Values"] for asked in filters)
