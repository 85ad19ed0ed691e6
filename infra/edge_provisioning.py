"""How a device that left the factory with a claim certificate becomes one of the fleet."""

import json
from collections.abc import Mapping

from cdktf_cdktf_provider_aws.iot_policy import IotPolicy
from cdktf_cdktf_provider_aws.iot_provisioning_template import (
    IotProvisioningTemplate,
    IotProvisioningTemplatePreProvisioningHook,
)

from infra.edge_names import EdgeNames
from infra.edge_policies import claim_policy, device_policy
from infra.role import Role, Statement
from infra.spec import EdgeFleetSpec
from infra.spec.edge import REST
from infra.toolkit import Construct


class EdgeProvisioning(Construct):
    """The template of a fleet, and the two policies: one for claims, one for devices.

    The claim certificate itself is made by whoever builds the devices and attached to the claim policy: a private key
    has no place in Terraform's state. Without a pre-provisioning hook, whoever holds the claim can register any serial
    number; with one, the function says which are yours.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        spec: EdgeFleetSpec,
        edge: EdgeNames,
        thing_type: str,
        billing_group: str,
        wave_groups: Mapping[str, str],
        role_alias_arn: str,
    ) -> None:
        super().__init__(scope, id)
        tags = {"model": spec.model}
        own = device_policy(edge, role_alias_arn=role_alias_arn)
        device = IotPolicy(self, "device", name=edge.fleet_name, policy=own, tags=tags)
        claim = IotPolicy(self, "claim", name=edge.claim_policy, policy=claim_policy(edge), tags=tags)
        role = Role(
            self,
            "registration",
            name=edge.role("register"),
            service="iot.amazonaws.com",
            for_account=edge.names.account_id,
            statements=_registers(edge, device, wave_groups),
        )
        body = _template(spec, edge, device.name, thing_type, billing_group)
        hook = spec.pre_provisioning_hook_arn
        template = IotProvisioningTemplate(
            self,
            "provisioning_template",
            name=edge.template,
            description=f"Registers a device of {spec.name}",
            enabled=True,
            provisioning_role_arn=role.arn,
            template_body=json.dumps(body),
            pre_provisioning_hook=IotProvisioningTemplatePreProvisioningHook(target_arn=hook) if hook else None,
            tags=tags,
        )
        self.template: str = template.name
        self.claim_policy: str = claim.name


def _registers(edge: EdgeNames, device: IotPolicy, wave_groups: Mapping[str, str]) -> tuple[Statement, ...]:
    things, certificates = edge.iot(f"thing/{edge.prefix}*"), edge.iot("cert/*")
    groups = tuple(edge.iot(f"thinggroup/{group}") for group in wave_groups.values())
    return (
        Statement(("iot:CreateThing", "iot:DescribeThing", "iot:UpdateThing"), (things,)),
        Statement(
            ("iot:AddThingToThingGroup", "iot:RemoveThingFromThingGroup", "iot:UpdateThingGroupsForThing"),
            (*groups, things),
        ),
        Statement(("iot:ListThingGroupsForThing", "iot:ListThingPrincipals"), (things,)),
        Statement(
            ("iot:AddThingToBillingGroup", "iot:DescribeBillingGroup"),
            (edge.iot(f"billinggroup/{edge.fleet_name}"), things),
        ),
        Statement(("iot:DescribeCertificate", "iot:UpdateCertificate"), (certificates,)),
        # AWS knows no narrower resource for these: the certificate is the principal, not the resource.
        Statement(("iot:AttachThingPrincipal", "iot:DetachThingPrincipal", "iot:RegisterThing")),
        Statement(("iot:AttachPolicy",), (certificates,)),
        Statement(("iot:GetPolicy",), (device.arn,)),
        Statement(("iot:DescribeThingGroup",), groups),
        Statement(("iot:DescribeThingType",), (edge.iot(f"thingtype/{edge.fleet_name}"),)),
    )


def _template(
    spec: EdgeFleetSpec, edge: EdgeNames, policy: str, thing_type: str, billing_group: str
) -> dict[str, object]:
    """Return the template: a device gives its serial number and facts, and may give a wave; else it is in the last."""
    parameters: dict[str, object] = {
        "serial": {"Type": "String"},
        "wave": {"Type": "String", "Default": REST},
        **{attribute: {"Type": "String"} for attribute in spec.attributes},
        "AWS::IoT::Certificate::Id": {"Type": "String"},
    }
    thing = {
        "ThingName": {"Fn::Join": ["", [edge.prefix, {"Ref": "serial"}]]},
        "ThingTypeName": thing_type,
        "ThingGroups": [{"Fn::Join": ["", [edge.prefix, {"Ref": "wave"}]]}],
        "BillingGroup": billing_group,
        "AttributePayload": {attribute: {"Ref": attribute} for attribute in spec.attributes},
    }
    certificate = {"CertificateId": {"Ref": "AWS::IoT::Certificate::Id"}, "Status": "Active"}
    # Registering again must not move a device out of the wave that an operator put it into.
    keep = {"AttributePayload": "MERGE", "ThingTypeName": "REPLACE", "ThingGroups": "DO_NOTHING"}
    return {
        "Parameters": parameters,
        "Resources": {
            "thing": {"Type": "AWS::IoT::Thing", "OverrideSettings": keep, "Properties": thing},
            "certificate": {"Type": "AWS::IoT::Certificate", "Properties": certificate},
            "policy": {"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": policy}},
        },
    }
