"""AWS Batch: the role that it makes for itself, and what a multi-node job definition says about its nodes."""

import threading

from infra.localcloud.operations import Context, Payload, after, operation

# Terraform makes environments side by side; the second must find the role that the first makes.
_one_at_a_time = threading.Lock()


@operation("batch", "CreateComputeEnvironment")
def create_compute_environment(params: Payload, context: Context) -> Payload:
    """Without a service role, AWS takes the service-linked role, and makes it the first time."""
    if not params.get("serviceRole"):
        params = {**params, "serviceRole": _service_linked_role(context)}
    return context.forward(params)


@after("batch", "RegisterJobDefinition")
def remember_nodes(params: Payload, answer: Payload, context: Context) -> Payload:
    """Every revision has nodes of its own."""
    if "nodeProperties" in params:
        context.notes("JobDefinition")[answer["jobDefinitionArn"]] = {"nodeProperties": params["nodeProperties"]}
    return answer


@after("batch", "DescribeJobDefinitions")
def tell_nodes(params: Payload, answer: Payload, context: Context) -> Payload:
    """Read them back."""
    known = context.notes("JobDefinition")
    definitions = [{**one, **known.get(one["jobDefinitionArn"], {})} for one in answer["jobDefinitions"]]
    return {**answer, "jobDefinitions": definitions}


def _service_linked_role(context: Context) -> str:
    iam = context.cloud.client("iam", context.region)
    with _one_at_a_time:
        roles = iam.list_roles(PathPrefix="/aws-service-role/batch.amazonaws.com/")["Roles"]
        role = roles[0] if roles else iam.create_service_linked_role(AWSServiceName="batch.amazonaws.com")["Role"]
    return str(role["Arn"])
