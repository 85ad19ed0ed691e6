"""What EC2 launches carries the tags of its launch template: moto gives them to the machine, not to what it has."""

from collections.abc import Iterator
from typing import Any

from infra.localcloud.operations import Context, Payload, after

LAUNCHES = (
    ("ec2", "RunInstances"),
    ("ec2", "TerminateInstances"),
    ("autoscaling", "CreateAutoScalingGroup"),
    ("autoscaling", "SetDesiredCapacity"),
    ("autoscaling", "TerminateInstanceInAutoScalingGroup"),
    ("autoscaling", "UpdateAutoScalingGroup"),
)
"""After these there may be machines that were not there before; a group replaces one that is terminated."""

_TEMPLATE, _VERSION = "aws:ec2launchtemplate:id", "aws:ec2launchtemplate:version"


def _pass_tags_on(params: Payload, answer: Payload, context: Context) -> Payload:
    """Tag volumes and network interfaces of machines that are new, as their launch template says."""
    ec2 = context.cloud.client("ec2", context.region)
    known = context.cloud.notes("ec2", "Launched", account=context.account, region=context.region)
    for machine in _machines(ec2):
        tags = {pair["Key"]: pair["Value"] for pair in machine.get("Tags", ())}
        if machine["InstanceId"] not in known and _TEMPLATE in tags:
            known[machine["InstanceId"]] = {}
            for kind, wanted in _specified(ec2, tags[_TEMPLATE], tags[_VERSION]):
                if parts := _parts(machine, kind):
                    ec2.create_tags(Resources=parts, Tags=wanted)
    return answer


for _service, _action in LAUNCHES:
    after(_service, _action)(_pass_tags_on)


def _machines(ec2: Any) -> Iterator[Payload]:
    for page in ec2.get_paginator("describe_instances").paginate():
        for reservation in page["Reservations"]:
            yield from (one for one in reservation["Instances"] if one["State"]["Name"] != "terminated")


def _specified(ec2: Any, template: str, version: str) -> Iterator[tuple[str, list[Payload]]]:
    found = ec2.describe_launch_template_versions(LaunchTemplateId=template, Versions=[version])
    for specification in found["LaunchTemplateVersions"][0]["LaunchTemplateData"].get("TagSpecifications", ()):
        yield specification["ResourceType"], specification["Tags"]


def _parts(machine: Payload, kind: str) -> list[str]:
    match kind:
        case "volume":
            return [device["Ebs"]["VolumeId"] for device in machine["BlockDeviceMappings"]]
        case "network-interface":
            return [interface["NetworkInterfaceId"] for interface in machine["NetworkInterfaces"]]
    return []
