"""How a machine of a pool starts: its disks, its network interfaces, its tags, and the capacity that it comes from."""

from collections.abc import Mapping

from cdktf import Token
from cdktf_cdktf_provider_aws.launch_template import (
    LaunchTemplate,
    LaunchTemplateBlockDeviceMappings,
    LaunchTemplateBlockDeviceMappingsEbs,
    LaunchTemplateCapacityReservationSpecification,
    LaunchTemplateCapacityReservationSpecificationCapacityReservationTarget,
    LaunchTemplateInstanceMarketOptions,
    LaunchTemplateMetadataOptions,
    LaunchTemplateNetworkInterfaces,
    LaunchTemplateTagSpecifications,
)

from infra.naming import Names
from infra.pool_user_data import user_data
from infra.queue_signals import pool_name
from infra.spec import GpuPoolSpec
from infra.toolkit import Construct

# A provider's default tags do not reach what Batch starts.
LAUNCHED = ("instance", "volume", "network-interface")


class PoolMachine(Construct):
    """The launch template of a pool. Its machines, their volumes and their network interfaces carry `tags`."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        spec: GpuPoolSpec,
        names: Names,
        security_group_id: str,
        tags: Mapping[str, str],
    ) -> None:
        super().__init__(scope, id)
        name = pool_name(names, spec.name)
        disk = LaunchTemplateBlockDeviceMappingsEbs(
            volume_size=spec.volume_gb, volume_type="gp3", encrypted="true", delete_on_termination="true"
        )
        template = LaunchTemplate(
            self,
            "launch_template",
            name=name,
            update_default_version=True,
            block_device_mappings=[LaunchTemplateBlockDeviceMappings(device_name="/dev/xvda", ebs=disk)],
            # One hop: a job shares its machine's network and may ask what is said to the machine; what it starts in
            # containers of its own may not.
            metadata_options=LaunchTemplateMetadataOptions(
                http_endpoint="enabled", http_tokens="required", http_put_response_hop_limit=1
            ),
            network_interfaces=_fabric(spec, security_group_id),
            capacity_reservation_specification=_reservation(spec),
            instance_market_options=_market(spec),
            user_data=user_data(with_efa=spec.efa_interfaces > 0),
            tag_specifications=[
                LaunchTemplateTagSpecifications(resource_type=kind, tags={**tags, "pool": spec.name, "Name": name})
                for kind in LAUNCHED
            ],
        )
        self.id: str = template.id
        self.version: str = Token.as_string(template.latest_version)
        self.address: str = f"aws_launch_template.{template.friendly_unique_id}"


def _fabric(spec: GpuPoolSpec, security_group_id: str) -> list[LaunchTemplateNetworkInterfaces] | None:
    """Return an EFA on each network card that has one; None leaves the one plain interface to Batch."""
    if not spec.efa_interfaces:
        return None
    fact = spec.facts[0]
    cards = range(fact.network_cards)
    with_efa = cards[-fact.efa :]
    return [
        LaunchTemplateNetworkInterfaces(
            device_index=0 if card == 0 else 1,
            network_card_index=card,
            # The first one also speaks IP; the others need no address.
            interface_type="interface" if card not in with_efa else "efa" if card == 0 else "efa-only",
            security_groups=[security_group_id],
            delete_on_termination="true",
        )
        for card in cards
    ]


def _reservation(spec: GpuPoolSpec) -> LaunchTemplateCapacityReservationSpecification | None:
    if spec.capacity_reservation is None:
        return None
    # A name of a group of reservations is an ARN, that of a single one is its id.
    field = "resource_group_arn" if spec.capacity_reservation.startswith("arn:") else "id"
    target = LaunchTemplateCapacityReservationSpecificationCapacityReservationTarget(
        **{f"capacity_reservation_{field}": spec.capacity_reservation}
    )
    return LaunchTemplateCapacityReservationSpecification(capacity_reservation_target=target)


def _market(spec: GpuPoolSpec) -> LaunchTemplateInstanceMarketOptions | None:
    """Return what a capacity block needs said; Batch says by itself what is spot."""
    return LaunchTemplateInstanceMarketOptions(market_type="capacity-block") if spec.usage == "c" else None
