"""SQS: moto writes a queue's redrive policy with spaces, which Terraform takes for a change."""

import json

from infra.localcloud.operations import Context, Payload, after


@after("sqs", "GetQueueAttributes")
def write_as_sqs_does(params: Payload, answer: Payload, context: Context) -> Payload:
    """The same JSON without spaces."""
    attributes = answer.get("Attributes", {})
    if policy := attributes.get("RedrivePolicy"):
        attributes["RedrivePolicy"] = json.dumps(json.loads(policy), separators=(",", ":"))
    return answer
