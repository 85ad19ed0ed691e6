"""Fault Injection Service: the experiments that take spot machines away. moto starts them and interrupts nothing."""

import re
from typing import Any

from infra.localcloud.machines.registry import machines_of
from infra.localcloud.operations import Context, Payload, after

INTERRUPT = "aws:ec2:send-spot-instance-interruptions"
DURATION = re.compile(r"PT(?:(\d+)M)?(?:(\d+)S)?")


@after("fis", "StartExperiment")
def take_spot_machines_away(params: Payload, answer: Payload, context: Context) -> Payload:
    """Every spot machine that the experiment's targets name is warned, and gone in the time that the action says."""
    experiment = answer["experiment"]
    for action in experiment.get("actions", {}).values():
        if action["actionId"] != INTERRUPT:
            continue
        target = experiment["targets"][action["targets"]["SpotInstances"]]
        found = _spot_machines(target, context)
        if not found and experiment.get("experimentOptions", {}).get("emptyTargetResolutionMode") != "skip":
            return {"experiment": _failed(experiment, context)}
        seconds = _seconds(action["parameters"]["durationBeforeInterruption"])
        machines_of(context.cloud).reclaims.take(context.account, context.region, found, seconds)
    return answer


def _spot_machines(target: Payload, context: Context) -> list[str]:
    """Running spot machines that are named or carry all of the tags, as many as the selection mode takes."""
    ec2 = context.cloud.client("ec2", context.region)
    filters: list[dict[str, Any]] = [{"Name": "instance-state-name", "Values": ["running"]}]
    filters += [{"Name": f"tag:{key}", "Values": [value]} for key, value in target.get("resourceTags", {}).items()]
    named = {"InstanceIds": [arn.rsplit("/", 1)[-1] for arn in arns]} if (arns := target.get("resourceArns")) else {}
    found = sorted(
        machine["InstanceId"]
        for page in ec2.get_paginator("describe_instances").paginate(Filters=filters, **named)
        for reservation in page["Reservations"]
        for machine in reservation["Instances"]
        if machine.get("InstanceLifecycle") == "spot"
    )
    kind, _, amount = target.get("selectionMode", "ALL").rstrip(")").partition("(")
    most = {"COUNT": int(amount or 0), "PERCENT": len(found) * int(amount or 0) // 100}.get(kind, len(found))
    return found[:most]


def _seconds(duration: str) -> int:
    match = DURATION.fullmatch(duration)
    minutes, seconds = match.groups() if match else (2, 0)
    return int(minutes or 0) * 60 + int(seconds or 0)


def _failed(experiment: Payload, context: Context) -> Payload:
    """An experiment without targets fails, also when it is asked about later."""
    from moto.fis.models import fis_backends

    fis_backends[context.account][context.region].experiments[experiment["id"]].status = "failed"
    return {**experiment, "state": {"status": "failed", "reason": "Target resolution returned empty set"}}
