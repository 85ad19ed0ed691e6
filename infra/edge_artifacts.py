"""How a device gets a model: with short-lived credentials of its own, or by a signed link in a job."""

from cdktf_cdktf_provider_aws.iot_role_alias import IotRoleAlias

from infra.edge_names import EdgeNames
from infra.role import Role, Statement
from infra.spec import EdgeFleetSpec
from infra.toolkit import Construct


class EdgeArtifacts(Construct):
    """Both ways read the fleet's own prefix of the artifact bucket, under its key, and nothing else.

    The alias is what a device trades its certificate at, for credentials that live `session_minutes`.
    """

    def __init__(
        self, scope: Construct, id: str, *, spec: EdgeFleetSpec, edge: EdgeNames, bucket_arn: str, key_arn: str
    ) -> None:
        super().__init__(scope, id)
        reads = (
            Statement(("s3:GetObject",), (f"{bucket_arn}/{edge.artifact_prefix}/*",)),
            Statement(
                ("kms:Decrypt",),
                (key_arn,),
                condition={"StringEquals": {"kms:ViaService": f"s3.{edge.names.region}.amazonaws.com"}},
            ),
        )
        account = edge.names.account_id
        device = Role(
            self,
            "device",
            name=edge.role("device"),
            service="credentials.iot.amazonaws.com",
            for_account=account,
            statements=reads,
        )
        presign = Role(
            self,
            "presign",
            name=edge.role("presign"),
            service="iot.amazonaws.com",
            for_account=account,
            statements=reads,
        )
        alias = IotRoleAlias(
            self,
            "role_alias",
            alias=edge.fleet_name,
            role_arn=device.arn,
            credential_duration=spec.session_minutes * 60,
            tags={"model": spec.model},
        )
        self.role_alias: str = alias.alias
        self.role_alias_arn: str = alias.arn
        self.presign_role_arn: str = presign.arn
