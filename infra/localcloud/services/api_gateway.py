"""API Gateway: REST APIs read back as AWS writes them, and the definition that an API was made of is kept."""

import json

from infra.localcloud.operations import Context, Payload, after

SERVICE = "apigateway"


@after(SERVICE, "CreateRestApi")
@after(SERVICE, "GetRestApi")
@after(SERVICE, "PutRestApi")
@after(SERVICE, "UpdateRestApi")
def escape_policy(params: Payload, answer: Payload, context: Context) -> Payload:
    """AWS answers the policy as the inside of a JSON string, and Terraform undoes just that."""
    if policy := answer.get("policy"):
        return {**answer, "policy": json.dumps(policy)[1:-1]}
    return answer


@after(SERVICE, "PutRestApi")
def remember_definition(params: Payload, answer: Payload, context: Context) -> Payload:
    """What the API's callers get is in it: who is let in, what is checked, where it goes."""
    body = params["body"]
    content = body.read() if hasattr(body, "read") else body
    context.notes("Definition")[params["restApiId"]] = json.loads(content)
    return answer


@after(SERVICE, "DeleteRestApi")
def forget_definition(params: Payload, answer: Payload, context: Context) -> Payload:
    """It goes with its API."""
    context.notes("Definition").pop(params["restApiId"], None)
    return answer
