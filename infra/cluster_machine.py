"""A machine of a cluster before it exists: what it may do, what it starts from, what it will be tagged with."""

from collections.abc import Mapping, Sequence

from cdktf import Token
from cdktf_cdktf_provider_aws.iam_instance_profile import IamInstanceProfile
from cdktf_cdktf_provider_aws.launch_template import (
    LaunchTemplate,
    LaunchTemplateBlockDeviceMappings,
    LaunchTemplateBlockDeviceMappingsEbs,
    LaunchTemplateCapacityReservationSpecification,
    LaunchTemplateCapacityReservationSpecificationCapacityReservationTarget,
    LaunchTemplateIamInstanceProfile,
    LaunchTemplateMetadataOptions,
    LaunchTemplateMonitoring,
    LaunchTemplateTagSpecifications,
)

from infra.role import Role, Statement
from infra.toolkit import Construct, in_base64

_TAGGED = ("instance", "volume", "network-interface")


class ClusterMachine(Construct):
    """An instance profile with `statements`, and a launch template: session tokens only, an encrypted disk, no SSH.

    Everything that is started from it carries `tags`: a provider's default tags do not reach what Auto Scaling starts.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name: str,
        role_name: str,
        statements: Sequence[Statement],
        image_id: str,
        instance_type: str,
        volume_gb: int,
        key_arn: str,
        security_group_id: str,
        script: str,
        tags: Mapping[str, str],
        capacity_reservation: str | None = None,
    ) -> None:
        super().__init__(scope, id)
        role = Role(self, "machine", name=role_name, service="ec2.amazonaws.com", statements=statements)
        profile = IamInstanceProfile(self, "instance_profile", name=role_name, role=role.name)
        template = LaunchTemplate(
            self,
            "launch_template",
            name=name,
            update_default_version=True,
            image_id=image_id,
            instance_type=instance_type,
            user_data=in_base64(self, "script", script),
            iam_instance_profile=LaunchTemplateIamInstanceProfile(arn=profile.arn),
            vpc_security_group_ids=[security_group_id],
            monitoring=LaunchTemplateMonitoring(enabled=True),
            ebs_optimized="true",
            block_device_mappings=[_disk(volume_gb, key_arn)],
            # One hop: what runs in a network of its own cannot reach the machine's credentials.
            metadata_options=LaunchTemplateMetadataOptions(
                http_endpoint="enabled", http_tokens="required", http_put_response_hop_limit=1
            ),
            capacity_reservation_specification=_reserved(capacity_reservation),
            tag_specifications=[
                LaunchTemplateTagSpecifications(resource_type=kind, tags={**tags, "Name": name}) for kind in _TAGGED
            ],
        )
        self.template_id: str = template.id
        self.template_version: str = Token.as_string(template.latest_version)


def _disk(volume_gb: int, key_arn: str) -> LaunchTemplateBlockDeviceMappings:
    disk = LaunchTemplateBlockDeviceMappingsEbs(
        volume_size=volume_gb,
        volume_type="gp3",
        encrypted="true",
        kms_key_id=key_arn,
        delete_on_termination="true",
    )
    return LaunchTemplateBlockDeviceMappings(device_name="/dev/xvda", ebs=disk)


def _reserved(reservation: str | None) -> LaunchTemplateCapacityReservationSpecification | None:
    if reservation is None:
        return None
    target = LaunchTemplateCapacityReservationSpecificationCapacityReservationTarget(
        capacity_reservation_id=reservation
    )
    return LaunchTemplateCapacityReservationSpecification(capacity_reservation_target=target)
