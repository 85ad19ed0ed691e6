"""AWS Batch: the role it makes for itself, updates of compute environments, the nodes of multi-node job definitions."""

import json

from infra.localcloud.operations import AwsError, Context, Payload, after, operation

ROLE_PATH = "/aws-service-role/batch.amazonaws.com/"
ROLE_NAME = "AWSServiceRoleForBatch"
"""The provider reads it off an environment to tell an update in place from a replacement."""


@operation("batch", "CreateComputeEnvironment")
def create_compute_environment(params: Payload, context: Context) -> Payload:
    """Without a service role, AWS takes the service-linked role, and makes it the first time."""
    if not params.get("serviceRole"):
        params = {**params, "serviceRole": _service_linked_role(context)}
    machines = params.get("computeResources", {})
    if "launchTemplate" not in machines or machines.get("securityGroupIds"):
        return context.forward(params)
    groups = _groups_of_interfaces(machines["launchTemplate"], context)
    answer = context.forward({**params, "computeResources": {**machines, "securityGroupIds": groups}})
    context.notes("GroupsOfInterfaces")[params["computeEnvironmentName"]] = {}
    return answer


@after("batch", "UpdateComputeEnvironment")
def remember_update(params: Payload, answer: Payload, context: Context) -> Payload:
    """moto takes no change of an environment's machines."""
    changes = context.notes("ComputeEnvironment").setdefault(answer["computeEnvironmentName"], {})
    changes.update(params.get("computeResources", {}))
    return answer


@after("batch", "DescribeComputeEnvironments")
def tell_update(params: Payload, answer: Payload, context: Context) -> Payload:
    """Each member that an update gave replaces what was there."""
    for environment in answer["computeEnvironments"]:
        if changes := context.notes("ComputeEnvironment").get(environment["computeEnvironmentName"]):
            environment["computeResources"] = {**environment.get("computeResources", {}), **changes}
        if environment["computeEnvironmentName"] in context.notes("GroupsOfInterfaces"):
            # They are the launch template's, which moto would not do without.
            environment["computeResources"].pop("securityGroupIds", None)
    return answer


@after("batch", "DeleteComputeEnvironment")
def forget_update(params: Payload, answer: Payload, context: Context) -> Payload:
    """The next environment of that name begins without."""
    for kind in ("ComputeEnvironment", "GroupsOfInterfaces"):
        context.notes(kind).pop(params["computeEnvironment"].rsplit("/", 1)[-1], None)
    return answer


@after("batch", "RegisterJobDefinition")
def remember_nodes(params: Payload, answer: Payload, context: Context) -> Payload:
    """Every revision has nodes and a priority of its own."""
    kept: Payload = {member: params[member] for member in ("nodeProperties", "schedulingPriority") if member in params}
    context.notes("JobDefinition")[answer["jobDefinitionArn"]] = kept
    return answer


@after("batch", "DescribeJobDefinitions")
def tell_nodes(params: Payload, answer: Payload, context: Context) -> Payload:
    """Read them back."""
    known = context.notes("JobDefinition")
    definitions = [{**one, **known.get(one["jobDefinitionArn"], {})} for one in answer["jobDefinitions"]]
    return {**answer, "jobDefinitions": definitions}


def _groups_of_interfaces(template: Payload, context: Context) -> list[str]:
    """The security groups that a launch template gives its network interfaces."""
    ec2 = context.cloud.client("ec2", context.region)
    name = {
        key[0].upper() + key[1:]: template[key] for key in ("launchTemplateId", "launchTemplateName") if key in template
    }
    version = template.get("version") or "$Default"
    (found,) = ec2.describe_launch_template_versions(**name, Versions=[version])["LaunchTemplateVersions"]
    interfaces = found["LaunchTemplateData"].get("NetworkInterfaces", ())
    groups = sorted({group for interface in interfaces for group in interface.get("Groups", ())})
    if not groups:
        raise AwsError("ClientException", "Error executing request, Exception : Security groups are required.")
    return groups


def _service_linked_role(context: Context) -> str:
    from botocore.exceptions import ClientError

    principal = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "batch.amazonaws.com"}}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [principal]})
    iam = context.cloud.client("iam", context.region)
    try:
        iam.create_role(RoleName=ROLE_NAME, Path=ROLE_PATH, AssumeRolePolicyDocument=trust)
    except ClientError as error:
        if error.response["Error"]["Code"] != "EntityAlreadyExists":
            raise
    return f"arn:aws:iam::{context.account}:role{ROLE_PATH}{ROLE_NAME}"
