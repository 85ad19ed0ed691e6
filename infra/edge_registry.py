"""Where a fleet's devices are listed: their type, the waves they are in, and who pays for them."""

from collections.abc import Mapping

from cdktf_cdktf_provider_aws.iot_billing_group import IotBillingGroup, IotBillingGroupProperties
from cdktf_cdktf_provider_aws.iot_thing_group import IotThingGroup, IotThingGroupProperties
from cdktf_cdktf_provider_aws.iot_thing_type import IotThingType, IotThingTypeProperties

from infra.edge_names import EdgeNames
from infra.spec import EdgeFleetSpec
from infra.toolkit import Construct


class EdgeRegistry(Construct):
    """A group for the fleet and one below it for each wave. A device is in one wave: AWS allows one group of a tree.

    A job goes to the group of a wave, or to the fleet's, which holds them all. The billing group puts the messages of
    the devices under the fleet's tags in the bill.
    """

    def __init__(self, scope: Construct, id: str, *, spec: EdgeFleetSpec, edge: EdgeNames) -> None:
        super().__init__(scope, id)
        tags = {"model": spec.model}
        thing_type = IotThingType(
            self,
            "thing_type",
            name=edge.fleet_name,
            properties=IotThingTypeProperties(
                description=f"A device that runs {spec.model}", searchable_attributes=list(spec.attributes)
            ),
            tags=tags,
        )
        fleet = IotThingGroup(
            self,
            "fleet",
            name=edge.fleet_name,
            properties=IotThingGroupProperties(description=f"All devices of {spec.name}"),
            tags=tags,
        )
        waves = {wave: self._wave(wave, edge, fleet, tags) for wave in spec.groups}
        billing = IotBillingGroup(
            self,
            "billing_group",
            name=edge.fleet_name,
            properties=[IotBillingGroupProperties(description=f"The messages of {spec.name}")],
            tags=tags,
        )
        self.thing_type: str = thing_type.name
        self.fleet_group_arn: str = fleet.arn
        self.billing_group: str = billing.name
        self.wave_arns: Mapping[str, str] = {wave: group.arn for wave, group in waves.items()}
        self.wave_groups: Mapping[str, str] = {wave: group.name for wave, group in waves.items()}

    def _wave(self, wave: str, edge: EdgeNames, fleet: IotThingGroup, tags: Mapping[str, str]) -> IotThingGroup:
        return IotThingGroup(
            self,
            f"wave-{wave}",
            name=edge.group(wave),
            parent_group_name=fleet.name,
            properties=IotThingGroupProperties(description=f"The wave {wave} of {edge.fleet}"),
            tags=dict(tags),
        )
