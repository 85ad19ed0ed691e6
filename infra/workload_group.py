"""The security group of what computes."""

from cdktf_cdktf_provider_aws.security_group import SecurityGroup
from cdktf_cdktf_provider_aws.vpc_security_group_egress_rule import VpcSecurityGroupEgressRule
from cdktf_cdktf_provider_aws.vpc_security_group_ingress_rule import VpcSecurityGroupIngressRule

from infra.naming import Names
from infra.toolkit import Construct, skip_check

_ANYWHERE = "0.0.0.0/0"


class WorkloadGroup(Construct):
    """The security group of jobs and endpoints: they reach each other and the world, and nothing else reaches them."""

    def __init__(self, scope: Construct, id: str, *, vpc_id: str, names: Names) -> None:
        super().__init__(scope, id)
        name = names.regional("workload")
        group = SecurityGroup(self, "security_group", name=name, description="Jobs and endpoints", vpc_id=vpc_id)
        # The nodes of one job talk on ports that their libraries choose; EFA wants every protocol, both ways.
        for rule, kind in (
            (VpcSecurityGroupIngressRule, "from_each_other"),
            (VpcSecurityGroupEgressRule, "to_each_other"),
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
            "to_world",
            security_group_id=group.id,
            description="To wherever the routes lead",
            cidr_ipv4=_ANYWHERE,
            ip_protocol="-1",
        )
        skip_check(group, CKV2_AWS_5="attached to jobs and machines, which other stacks start")
        self.id: str = group.id
