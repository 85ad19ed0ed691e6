"""What a device's certificate permits: being itself, and before that, becoming a device."""

from infra.edge_names import SHADOW, THING, EdgeNames
from infra.role import Statement, policy

# Two dollars: Terraform would read one as its own and look for a resource `iot`. AWS gets one.
ITSELF = "$${iot:Connection.Thing.ThingName}"

_ATTACHED = {"Bool": {"iot:Connection.Thing.IsAttached": "true"}}
_ANSWERS = ("accepted", "rejected")
# The same over HTTPS as over MQTT: jobs, and the shadow.
_OVER_HTTPS = (
    "iot:GetThingShadow",
    "iot:UpdateThingShadow",
    "iotjobsdata:DescribeJobExecution",
    "iotjobsdata:GetPendingJobExecutions",
    "iotjobsdata:StartNextPendingJobExecution",
    "iotjobsdata:UpdateJobExecution",
)


def device_policy(edge: EdgeNames, *, role_alias_arn: str) -> str:
    """Return the policy of every device of the fleet: AWS puts the name of the connected thing into it.

    A certificate that is not attached to a thing cannot connect. AWS takes 2,048 characters, so the topics of jobs and
    of the shadow are permitted as a whole: they are the device's own, and AWS alone answers on them.
    """
    telemetry = edge.telemetry_topic.replace(THING, ITSELF)
    own = f"$aws/things/{ITSELF}"
    spoken = (f"{own}/jobs/*", f"{own}/shadow/name/{SHADOW}/*")
    thing = edge.iot(f"thing/{ITSELF}")
    return policy(
        Statement(("iot:Connect",), (edge.iot(f"client/{ITSELF}"),), condition=_ATTACHED),
        Statement(("iot:Publish", "iot:Receive"), tuple(edge.iot(f"topic/{topic}") for topic in (telemetry, *spoken))),
        Statement(("iot:Subscribe",), tuple(edge.iot(f"topicfilter/{topic}") for topic in spoken)),
        Statement(_OVER_HTTPS, (thing, f"{thing}/{SHADOW}", edge.iot(f"topic/{own}"))),
        Statement(("iot:AssumeRoleWithCertificate",), (role_alias_arn,)),
    )


def claim_policy(edge: EdgeNames) -> str:
    """Return the policy of the claim certificate that devices leave the factory with.

    It permits CreateKeysAndCertificate and RegisterThing with this fleet's template, and nothing else. Its clients are
    called `{prefix}claim-…`, so that none can take a device's connection over.
    """
    create, register = "$aws/certificates/create/json", f"$aws/provisioning-templates/{edge.template}/provision/json"
    heard = [f"{ask}/{answer}" for ask in (create, register) for answer in _ANSWERS]
    return policy(
        Statement(("iot:Connect",), (edge.iot(f"client/{edge.prefix}claim-*"),)),
        Statement(("iot:Publish",), tuple(edge.iot(f"topic/{topic}") for topic in (create, register))),
        Statement(("iot:Subscribe",), tuple(edge.iot(f"topicfilter/{topic}") for topic in heard)),
        Statement(("iot:Receive",), tuple(edge.iot(f"topic/{topic}") for topic in heard)),
    )
