"""AWS IoT fleet provisioning: templates, and registering a thing after one."""

import json
from datetime import UTC, datetime
from typing import Any

from infra.localcloud.operations import AwsError, Context, Payload, operation
from infra.localcloud.services.iot_tags import forget_tags, keep_tags

SUMMARY = ("templateArn", "templateName", "description", "creationDate", "lastModifiedDate", "enabled", "type")


@operation("iot", "CreateProvisioningTemplate")
def create_template(params: Payload, context: Context) -> Payload:
    """The template in its first version."""
    name, now = params["templateName"], datetime.now(UTC)
    arn = context.arn(f"provisioningtemplate/{name}")
    _read_body(params["templateBody"])
    template: Payload = {"enabled": False, "type": "FLEET_PROVISIONING", **params, "templateArn": arn}
    template |= {"creationDate": now, "lastModifiedDate": now, "defaultVersionId": 1}
    tags = template.pop("tags", None)
    template["_versions"] = {1: {"templateBody": template["templateBody"], "creationDate": now}}
    if context.resources("ProvisioningTemplate").setdefault(name, template) is not template:
        raise AwsError("ResourceAlreadyExistsException", f"Template {name} already exists.", 409)
    keep_tags(context, arn, tags)
    return {"templateArn": arn, "templateName": name, "defaultVersionId": 1}


@operation("iot", "DescribeProvisioningTemplate")
def describe_template(params: Payload, context: Context) -> Payload:
    """The template in its default version."""
    return {key: value for key, value in _find(params, context).items() if not key.startswith("_")}


@operation("iot", "ListProvisioningTemplates")
def list_templates(params: Payload, context: Context) -> Payload:
    """All templates."""
    found = context.resources("ProvisioningTemplate").values()
    return {"templates": [{key: one[key] for key in SUMMARY if key in one} for one in found]}


@operation("iot", "UpdateProvisioningTemplate")
def update_template(params: Payload, context: Context) -> Payload:
    """Change what is no version: description, role, hook, whether it works at all, and which version does."""
    template = _find(params, context)
    changes = {key: value for key, value in params.items() if key not in ("templateName", "removePreProvisioningHook")}
    if version := changes.get("defaultVersionId"):
        changes["templateBody"] = template["_versions"][version]["templateBody"]
    template.update(changes, lastModifiedDate=datetime.now(UTC))
    if params.get("removePreProvisioningHook"):
        template.pop("preProvisioningHook", None)
    return {}


@operation("iot", "CreateProvisioningTemplateVersion")
def create_version(params: Payload, context: Context) -> Payload:
    """Another body."""
    template = _find(params, context)
    _read_body(params["templateBody"])
    number = max(template["_versions"]) + 1
    template["_versions"][number] = {"templateBody": params["templateBody"], "creationDate": datetime.now(UTC)}
    if params.get("setAsDefault"):
        template.update(templateBody=params["templateBody"], defaultVersionId=number)
    made = {"templateArn": template["templateArn"], "templateName": template["templateName"], "versionId": number}
    return {**made, "isDefaultVersion": bool(params.get("setAsDefault"))}


@operation("iot", "DeleteProvisioningTemplate")
def delete_template(params: Payload, context: Context) -> Payload:
    """The template goes; things that it registered stay."""
    template = _find(params, context)
    context.resources("ProvisioningTemplate").pop(params["templateName"], None)
    forget_tags(context, template["templateArn"])
    return {}


@operation("iot", "RegisterThing")
def register_thing(params: Payload, context: Context) -> Payload:
    """Make what a template's body says, with a device's parameters in it.

    This is the operation for those who may call AWS; a device with a claim certificate does the same over MQTT, which
    is not part of this cloud. Pre-provisioning hooks belong to that way and are not asked here.
    """
    body = _read_body(params["templateBody"])
    values = _values(body, params.get("parameters", {}))
    parts = {
        name: (part["Type"].rsplit("::", 1)[-1], _filled(part["Properties"], values), part.get("OverrideSettings", {}))
        for name, part in body["Resources"].items()
    }
    return _Registration(context.cloud.client("iot", context.region)).make(parts)


class _Registration:
    """One device on its way into the registry."""

    def __init__(self, client: Any) -> None:
        self._iot = client

    def make(self, parts: dict[str, tuple[str, Payload, Payload]]) -> Payload:
        """The certificate first, for the thing and the policy are attached to it."""
        made: dict[str, str] = {}
        kinds = {kind: (name, properties, settings) for name, (kind, properties, settings) in parts.items()}
        name, properties, _ = kinds["Certificate"]
        certificate = self._iot.describe_certificate(certificateId=properties["CertificateId"])[
            "certificateDescription"
        ]
        status = properties.get("Status", "Active").upper()
        self._iot.update_certificate(certificateId=properties["CertificateId"], newStatus=status)
        made[name] = principal = certificate["certificateArn"]
        if "Thing" in kinds:
            name, properties, settings = kinds["Thing"]
            made[name] = self._thing(properties, settings)
            self._iot.attach_thing_principal(thingName=properties["ThingName"], principal=principal)
        if "Policy" in kinds:
            name, properties, _ = kinds["Policy"]
            self._iot.attach_policy(policyName=properties["PolicyName"], target=principal)
            made[name] = properties["PolicyName"]
        return {"certificatePem": certificate["certificatePem"], "resourceArns": made}

    def _thing(self, properties: Payload, settings: Payload) -> str:
        from botocore.exceptions import ClientError

        name, attributes = properties["ThingName"], properties.get("AttributePayload", {})
        try:
            known = self._iot.describe_thing(thingName=name)
        except ClientError:
            return self._new_thing(name, properties, attributes)
        if settings.get("AttributePayload") in ("MERGE", "REPLACE"):
            merge = settings["AttributePayload"] == "MERGE"
            self._iot.update_thing(thingName=name, attributePayload={"attributes": attributes, "merge": merge})
        if settings.get("ThingGroups") == "REPLACE":
            groups = self._iot.list_thing_groups_for_thing(thingName=name)["thingGroups"]
            for group in groups:
                self._iot.remove_thing_from_thing_group(thingName=name, thingGroupName=group["groupName"])
            self._join(name, properties)
        return str(known["thingArn"])

    def _new_thing(self, name: str, properties: Payload, attributes: Payload) -> str:
        more = {"thingTypeName": properties.get("ThingTypeName"), "billingGroupName": properties.get("BillingGroup")}
        given = {key: value for key, value in more.items() if value}
        arn = self._iot.create_thing(thingName=name, attributePayload={"attributes": attributes}, **given)["thingArn"]
        self._join(name, properties)
        return str(arn)

    def _join(self, name: str, properties: Payload) -> None:
        for group in properties.get("ThingGroups", ()):
            self._iot.add_thing_to_thing_group(thingName=name, thingGroupName=group)


def _read_body(text: str) -> Payload:
    try:
        body: Payload = json.loads(text)
        body["Resources"].items()
    except (ValueError, KeyError, AttributeError) as error:
        raise AwsError("InvalidRequestException", f"The template body is not valid: {error}") from error
    return body


def _values(body: Payload, given: dict[str, str]) -> dict[str, str]:
    """The value of each parameter of a template: what was given, or its default."""
    known = body.get("Parameters", {})
    values = {name: given.get(name, settings.get("Default")) for name, settings in known.items()}
    if missing := [name for name, value in values.items() if value is None]:
        raise AwsError("InvalidRequestException", f"No value for the parameters {', '.join(missing)}.")
    if strange := [name for name in given if name not in known]:
        raise AwsError("InvalidRequestException", f"The template has no parameters {', '.join(strange)}.")
    return {name: str(value) for name, value in values.items()}


def _filled(value: Any, values: dict[str, str]) -> Any:
    """`value` with its references and joins replaced by text."""
    if isinstance(value, list):
        return [_filled(inner, values) for inner in value]
    if not isinstance(value, dict):
        return value
    if "Ref" in value:
        return values[value["Ref"]]
    if "Fn::Join" in value:
        separator, parts = value["Fn::Join"]
        return separator.join(_filled(parts, values))
    if unknown := [key for key in value if key.startswith("Fn::")]:
        raise NotImplementedError(f"{unknown[0]} in a provisioning template")
    return {key: _filled(inner, values) for key, inner in value.items()}


def _find(params: Payload, context: Context) -> Payload:
    template = context.resources("ProvisioningTemplate").get(params["templateName"])
    if template is None:
        raise AwsError("ResourceNotFoundException", f"Template {params['templateName']} not found.", 404)
    return template
