"""AWS's services inside a VPC: calls to them never leave it, and only this account's machines may make them."""

from collections.abc import Mapping, Sequence

from cdktf_cdktf_provider_aws.security_group import SecurityGroup
from cdktf_cdktf_provider_aws.vpc_endpoint import VpcEndpoint
from cdktf_cdktf_provider_aws.vpc_security_group_ingress_rule import VpcSecurityGroupIngressRule

from infra.naming import Names
from infra.role import Statement, policy
from infra.spec import AnyNetworkSpec
from infra.toolkit import Construct

_HTTPS = 443


class NetworkEndpoints(Construct):
    """The gateway and interface endpoints that `spec` asks for.

    Their policies grant nothing: they bound what the callers' own roles allow, so that credentials of another account
    are of no use in here, and data cannot be carried into another account's buckets.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        spec: AnyNetworkSpec,
        names: Names,
        vpc_id: str,
        subnet_ids: Sequence[str],
        route_table_ids: Sequence[str],
    ) -> None:
        super().__init__(scope, id)
        self._names, self._vpc_id = names, vpc_id
        for service in spec.gateway_endpoints:
            bound = _s3_bound(names, spec.outside_buckets) if service == "s3" else policy(_by_own_account(names))
            self._endpoint(service, policy=bound, route_table_ids=list(route_table_ids))
        groups = [self._group(spec.cidr).id] if spec.interface_services else []
        self.interface_ids: Mapping[str, str] = {
            service: self._endpoint(
                service,
                vpc_endpoint_type="Interface",
                private_dns_enabled=True,
                subnet_ids=list(subnet_ids),
                security_group_ids=groups,
                policy=policy(_by_own_account(names)),
            ).id
            for service in spec.interface_services
        }

    def _endpoint(self, service: str, **settings: object) -> VpcEndpoint:
        name = service.replace(".", "-")
        return VpcEndpoint(
            self,
            name.replace("-", "_"),
            vpc_id=self._vpc_id,
            service_name=f"com.amazonaws.{self._names.region}.{service}",
            tags={"Name": self._names.regional(f"network-{name}")},
            **settings,  # type: ignore[arg-type]
        )

    def _group(self, cidr: str) -> SecurityGroup:
        group = SecurityGroup(
            self,
            "security_group",
            name=self._names.regional("endpoints"),
            description="AWS services inside the VPC",
            vpc_id=self._vpc_id,
        )
        VpcSecurityGroupIngressRule(
            self,
            "from_network",
            security_group_id=group.id,
            cidr_ipv4=cidr,
            ip_protocol="tcp",
            from_port=_HTTPS,
            to_port=_HTTPS,
            description="HTTPS from the VPC",
        )
        return group


def _by_own_account(names: Names) -> Statement:
    return Statement(
        ("*",), principal={"AWS": "*"}, condition={"StringEquals": {"aws:PrincipalAccount": names.account_id}}
    )


def _s3_bound(names: Names, outside_buckets: Sequence[str]) -> str:
    own = {"aws:PrincipalAccount": names.account_id, "aws:ResourceAccount": names.account_id}
    # Layers of images and packages of Amazon Linux lie in buckets of AWS's own, and are fetched without our identity.
    of_aws = (f"prod-{names.region}-starport-layer-bucket", f"al2023-repos-{names.region}-de612dc2")
    statements = [
        Statement(("*",), principal={"AWS": "*"}, condition={"StringEquals": own}),
        Statement(("s3:GetObject",), tuple(f"arn:aws:s3:::{bucket}/*" for bucket in of_aws), principal={"AWS": "*"}),
    ]
    if outside_buckets:
        whole = tuple(f"arn:aws:s3:::{bucket}" for bucket in outside_buckets)
        objects = tuple(f"{bucket}/*" for bucket in whole)
        read = ("s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket")
        statements.append(Statement(read, (*whole, *objects), principal={"AWS": "*"}))
    return policy(*statements)
