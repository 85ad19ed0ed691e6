"""Systems Manager: parameters that AWS publishes and moto does not carry."""

import hashlib

from infra.localcloud.operations import AwsError, Context, Payload, operation

PUBLISHED = ("/aws/service/deeplearning/ami/",)
"""Where the ids of the Deep Learning AMIs stand: https://docs.aws.amazon.com/dlami/latest/devguide/find-dlami-id.html"""


@operation("ssm", "GetParameter")
def get_parameter(params: Payload, context: Context) -> Payload:
    """The id of an image, one for each name and region, the same on every machine."""
    name = params["Name"]
    if not name.startswith(PUBLISHED):
        return context.forward(None)
    if not name.endswith("/latest/ami-id"):
        raise AwsError("ParameterNotFound", f"Parameter {name} not found.")
    image = f"ami-{hashlib.sha256(f'{context.region}{name}'.encode()).hexdigest()[:17]}"
    arn = f"arn:aws:ssm:{context.region}::parameter{name}"
    return {"Parameter": {"Name": name, "Type": "String", "Value": image, "Version": 1, "ARN": arn, "DataType": "text"}}
