"""Lambda's Invoke: moto keeps the functions, this cloud runs them."""

import base64
import json

from infra.localcloud.machines.functions import find, run_instead_of_docker
from infra.localcloud.machines.registry import machines_of
from infra.localcloud.operations import AwsError, Context, Payload, after, operation

LAST_LINES = 4096


@after("lambda", "CreateFunction")
def take_over(params: Payload, answer: Payload, context: Context) -> Payload:
    """From the first function on, moto's own calls of functions come here too."""
    run_instead_of_docker(machines_of(context.cloud).functions)
    return answer


@operation("lambda", "Invoke")
def invoke(params: Payload, context: Context) -> Payload:
    """Run the function: wait for its answer, or (InvocationType Event) let it run."""
    name, kind = params["FunctionName"], params.get("InvocationType", "RequestResponse")
    function = find(name, account=context.account, region=context.region)
    if function is None:
        arn = name if name.startswith("arn:") else context.arn(f"function:{name}")
        raise AwsError("ResourceNotFoundException", f"Function not found: {arn}", 404)
    body = params.get("Payload") or b"{}"
    event = json.loads(body.read() if hasattr(body, "read") else body)
    functions = machines_of(context.cloud).functions
    if kind == "DryRun":
        return {"StatusCode": 204}
    if kind == "Event":
        functions.start(function, event)
        return {"StatusCode": 202}
    outcome = functions.call(function, event)
    told = "\n".join(outcome.lines).encode()[-LAST_LINES:]
    answer: Payload = {"StatusCode": 200, "ExecutedVersion": "$LATEST", "Payload": outcome.payload}
    if params.get("LogType") == "Tail":
        answer["LogResult"] = base64.b64encode(told).decode()
    return answer | ({"FunctionError": "Unhandled"} if outcome.error else {})
