"""The role with which EC2 Auto Scaling starts machines whose volumes are under a key of ours."""

from cdktf_cdktf_provider_aws.iam_service_linked_role import IamServiceLinkedRole
from cdktf_cdktf_provider_aws.kms_grant import KmsGrant

from infra.naming import Names
from infra.toolkit import Construct

# What EBS asks of a key on behalf of who starts the machine:
# https://docs.aws.amazon.com/autoscaling/ec2/userguide/key-policy-requirements-EBS-encryption.html
_VOLUME_OPERATIONS = [
    "CreateGrant",
    "Decrypt",
    "DescribeKey",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "ReEncryptFrom",
    "ReEncryptTo",
]


class ScalingRole(Construct):
    """A service-linked role of this region's own, so that the account's common one gets no right to the key.

    Without the grant a group starts machines and loses each at once to `Client.InternalError: Client error on launch`.
    """

    def __init__(self, scope: Construct, id: str, *, names: Names, key_arn: str) -> None:
        super().__init__(scope, id)
        role = IamServiceLinkedRole(
            self,
            "role",
            aws_service_name="autoscaling.amazonaws.com",
            custom_suffix=names.service_role_suffix(),
            description=f"Starts machines of {names.project} {names.environment}",
        )
        KmsGrant(
            self,
            "grant",
            name=names.regional("volumes"),
            key_id=key_arn,
            grantee_principal=role.arn,
            operations=_VOLUME_OPERATIONS,
        )
        self.arn: str = role.arn
