"""A burst as a Pulumi program: machines that are held in one zone, a queue over them, and what jobs read of it.

The resources are named by their types and written in the words of Pulumi's AWS provider, whose plug-in the engine
fetches; its Python package would add 271 MB of classes, of which this needs four.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ci.burst.plans import Plan

if TYPE_CHECKING:
    import pulumi

# Of Pulumi's AWS provider, in whose words the properties are.
PROVIDER_VERSION = "7.51.1"
RESERVATION = "aws:ec2/capacityReservation:CapacityReservation"
MACHINES = "aws:batch/computeEnvironment:ComputeEnvironment"
QUEUE = "aws:batch/jobQueue:JobQueue"
PARAMETER = "aws:ssm/parameter:Parameter"
# Batch's word for each of its machines' properties → the provider's.
_WORDS = {"minvCpus": "minVcpus", "maxvCpus": "maxVcpus", "ec2Configuration": "ec2Configurations"}


def program(plan: Plan) -> Callable[[], None]:
    """Return what declares a burst at the place that `plan` names."""

    def declare() -> None:
        # EC2 says at once whether it has these machines; it ends the hold by itself, should everybody here be gone.
        held = _resource(
            RESERVATION,
            {
                "instanceType": plan.instance_type,
                "instancePlatform": "Linux/UNIX",
                "availabilityZone": plan.zone,
                "instanceCount": plan.contract.nodes,
                "instanceMatchCriteria": "open",
                "endDateType": "limited",
                "endDate": plan.ends_at.isoformat().replace("+00:00", "Z"),
                "tags": plan.tags,
            },
        )
        machines = _resource(
            MACHINES,
            {
                "name": plan.name,
                "type": "MANAGED",
                "computeResources": {_WORDS.get(name, name): value for name, value in plan.machines.items()},
                "tags": plan.tags,
                "arn": None,
            },
            held,
        )
        order = [{"order": 1, "computeEnvironment": machines.arn}]
        queue = _resource(
            QUEUE,
            {
                "name": plan.name,
                "priority": 1,
                "state": "ENABLED",
                "computeEnvironmentOrders": order,
                "tags": plan.tags,
                "arn": None,
            },
        )
        told = queue.arn.apply(lambda arn: _contract(plan, arn))
        _resource(PARAMETER, {"name": plan.parameter, "type": "String", "value": told, "tags": plan.tags})

    return declare


def _contract(plan: Plan, queue_arn: str) -> str:
    return plan.contract.model_copy(update={"queue_arns": (queue_arn,)}).model_dump_json()


def _resource(kind: str, properties: Mapping[str, Any], *after: "pulumi.Resource") -> "pulumi.Resource":
    """A resource without a class; those of its properties that are None the provider fills in."""
    import pulumi

    name = kind.rpartition(":")[2].lower()
    options = pulumi.ResourceOptions(depends_on=list(after), version=PROVIDER_VERSION)
    return pulumi.CustomResource(kind, name, dict(properties), options)
