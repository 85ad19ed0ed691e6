"""Who reaches a cluster, and under which name its head is found."""

from cdktf_cdktf_provider_aws.route53_zone import Route53Zone, Route53ZoneVpc
from cdktf_cdktf_provider_aws.security_group import SecurityGroup
from cdktf_cdktf_provider_aws.vpc_security_group_egress_rule import VpcSecurityGroupEgressRule
from cdktf_cdktf_provider_aws.vpc_security_group_ingress_rule import VpcSecurityGroupIngressRule

from infra.naming import Names
from infra.toolkit import Construct

_ANYWHERE, _HTTPS = "0.0.0.0/0", 443


class ClusterNetwork(Construct):
    """A security group in which only members talk to each other, and a private zone for the head's address.

    Ray asks nobody who he is: whoever reaches a port of it may run code. So there is no way in from outside, not even
    from jobs of this platform; people come through an SSM session, which IAM rules and CloudTrail records.
    """

    def __init__(self, scope: Construct, id: str, *, cluster: str, vpc_id: str, names: Names) -> None:
        super().__init__(scope, id)
        group = SecurityGroup(
            self,
            "security_group",
            name=names.regional(f"cluster-{cluster}"),
            description=f"Members of the cluster {cluster}",
            vpc_id=vpc_id,
        )
        # Workers of Ray listen on ports of their own choice, and EFA wants every protocol, both ways.
        for rule, kind in (
            (VpcSecurityGroupIngressRule, "from_members"),
            (VpcSecurityGroupEgressRule, "to_members"),
        ):
            rule(
                self,
                kind,
                security_group_id=group.id,
                description=kind.replace("_", " ").capitalize(),
                referenced_security_group_id=group.id,
                ip_protocol="-1",
            )
        VpcSecurityGroupEgressRule(
            self,
            "to_aws",
            security_group_id=group.id,
            description="To AWS and to images",
            cidr_ipv4=_ANYWHERE,
            ip_protocol="tcp",
            from_port=_HTTPS,
            to_port=_HTTPS,
        )
        domain = names.domain(cluster)
        zone = Route53Zone(
            self,
            "zone",
            name=domain,
            comment=f"Where the head of the cluster {cluster} is",
            vpc=[Route53ZoneVpc(vpc_id=vpc_id)],
            # The head writes its record itself, whenever it is started anew: Terraform knows nothing of it.
            force_destroy=True,
        )
        self.security_group_id: str = group.id
        self.zone_id: str = zone.zone_id
        self.zone_arn: str = zone.arn
