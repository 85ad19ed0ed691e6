"""Route 53: a zone that is made in a network is private, and is its network's alone."""

from infra.localcloud.operations import Context, Payload, operation


@operation("route53", "CreateHostedZone")
def create_hosted_zone(params: Payload, context: Context) -> Payload:
    """AWS takes the network for the sign; moto wants to be told."""
    if "VPC" in params:
        params = {**params, "HostedZoneConfig": {**params.get("HostedZoneConfig", {}), "PrivateZone": True}}
    return context.forward(params)
