"""CloudTrail's trails by ARN: moto deletes by name alone, and says nothing when it finds none."""

from infra.localcloud.operations import Context, Payload, operation


@operation("cloudtrail", "DeleteTrail")
def delete_trail(params: Payload, context: Context) -> Payload:
    """Delete a trail, named by its name or its ARN."""
    return context.forward({"Name": params["Name"].rsplit("/", 1)[-1]})
