"""Finds what a killed Terraform made and no state knows, and writes it down as Terraform's own import blocks."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ci.interrupted import EXISTS, Interrupted
from ci.manifest import Stack
from ci.site import Site
from ci.stack_progress import Diagnostic

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

FILE = "adopt.tf.json"

# Where the id for an import is not the one that events tell: made of the resource's own arguments.
IMPORTED_BY: Mapping[str, str] = {
    "aws_cloudwatch_event_target": "{rule}/{target_id}",
    "aws_iam_role_policy_attachment": "{role}/{policy_arn}",
    "aws_lambda_permission": "{function_name}/{statement_id}",
    "aws_route": "{route_table_id}_{destination_cidr_block}",
    "aws_route_table_association": "{subnet_id}/{route_table_id}",
}

# Arguments by which AWS knows what it does not number itself.
NAMES = ("bucket", "name", "role_name", "function_name", "alarm_name", "dashboard_name", "model_package_group_name")

# What EC2 numbers itself, as it calls it in its tags.
NUMBERED_BY_EC2: Mapping[str, str] = {
    "aws_eip": "elastic-ip",
    "aws_flow_log": "vpc-flow-log",
    "aws_internet_gateway": "internet-gateway",
    "aws_launch_template": "launch-template",
    "aws_nat_gateway": "natgateway",
    "aws_route_table": "route-table",
    "aws_security_group": "security-group",
    "aws_subnet": "subnet",
    "aws_vpc": "vpc",
    "aws_vpc_endpoint": "vpc-endpoint",
    "aws_vpc_security_group_egress_rule": "security-group-rule",
    "aws_vpc_security_group_ingress_rule": "security-group-rule",
}

MISSING = "Cannot import non-existent remote object"


class Adoption:
    """The import blocks of one stack: what is known to be unsaved, and what turns out to be."""

    def __init__(self, stack: Stack, left: Interrupted, site: Site) -> None:
        self._stack, self.left, self._site = stack, left, site
        declared = stack.document.get("resource", {})
        self._arguments = {f"{kind}.{name}": one for kind, named in declared.items() for name, one in named.items()}
        self.ids: dict[str, str] = {
            address: self._by_arguments(address) or identifier
            for address, identifier in left.made.items()
            if address in self._arguments
        }
        self.ids |= self._found_by_tags()

    @property
    def lost(self) -> dict[str, str]:
        """What was made and is declared no more: nothing of Terraform's will ever remove it."""
        return {address: made for address, made in self.left.made.items() if address not in self._arguments}

    def write(self) -> None:
        """Let the next plan of the stack take everything over."""
        blocks = [{"to": address, "id": identifier} for address, identifier in self.ids.items()]
        (self._stack.folder / FILE).write_text(json.dumps({"import": blocks}))

    def remove(self) -> None:
        """Leave the stack as it was synthesized."""
        (self._stack.folder / FILE).unlink(missing_ok=True)

    def learn(self, said: Iterable[Diagnostic]) -> bool:
        """Correct the blocks by what Terraform refused; return whether another try may go better.

        Only what the dead run was making is taken over when AWS says that it exists: nothing of anybody else's.
        """
        before = dict(self.ids)
        for one in said:
            address = one.address or _address_in(one.detail)
            if MISSING in one.summary:
                self.ids.pop(address or "", None)
            elif address in self.left.begun and EXISTS.search(f"{one.summary} {one.detail}"):
                self.ids |= self._named(address)
        return self.ids != before

    def _by_arguments(self, address: str) -> str | None:
        form = IMPORTED_BY.get(_kind(address))
        return form.format(**self._arguments[address]) if form and address in self._arguments else None

    def _named(self, address: str) -> dict[str, str]:
        """Return the id of what AWS knows by its arguments or by a name that we chose."""
        arguments = self._arguments.get(address, {})
        names = (str(arguments[name]) for name in NAMES if name in arguments)
        identifier = self._by_arguments(address) or next(names, None)
        return {address: identifier} if identifier else {}

    def _found_by_tags(self) -> dict[str, str]:
        """Return what was being made and is there: told by its tags, which AWS sets in the same moment."""
        begun = [address for address in self.left.begun if address in self._arguments]
        found: dict[str, str] = {}
        if any(_kind(address) in NUMBERED_BY_EC2 for address in begun):
            tagged = self._ec2_tags()
            for address in begun:
                wanted = (NUMBERED_BY_EC2.get(_kind(address)), self._tags(address))
                matching = [one for one, (kind, tags) in tagged.items() if (kind, tags) == wanted]
                if len(matching) == 1 and matching[0] not in self.left.made.values():
                    found[address] = matching[0]
        for address in begun:
            if _kind(address) == "aws_kms_key" and (key := self._key(address)):
                found[address] = key
        return found

    def _tags(self, address: str) -> dict[str, str]:
        (provider,) = self._stack.document["provider"]["aws"]
        defaults: dict[str, str] = provider.get("default_tags", [{}])[0].get("tags", {})
        return {**defaults, **self._arguments[address].get("tags", {})}

    def _ec2_tags(self) -> dict[str, tuple[str, dict[str, str]]]:
        """Return kind and tags of everything in the stack's region that EC2 has tags of."""
        tagged: dict[str, tuple[str, dict[str, str]]] = {}
        for page in self._client("ec2").get_paginator("describe_tags").paginate():
            for tag in page["Tags"]:
                _, tags = tagged.setdefault(tag["ResourceId"], (tag["ResourceType"], {}))
                tags[tag["Key"]] = tag["Value"]
        return tagged

    def _key(self, address: str) -> str | None:
        kms: KMSClient = self._client("kms")
        description, tags = self._arguments[address].get("description"), self._tags(address)
        for page in kms.get_paginator("list_keys").paginate():
            for key in page["Keys"]:
                about = kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]
                if about.get("Description") != description or about["KeyState"] != "Enabled":
                    continue
                if {
                    tag["TagKey"]: tag["TagValue"] for tag in kms.list_resource_tags(KeyId=key["KeyId"])["Tags"]
                } == tags:
                    return key["KeyId"]
        return None

    def _client(self, service: str) -> Any:
        (provider,) = self._stack.document["provider"]["aws"]
        return self._site.client(service, provider["region"])


def _kind(address: str) -> str:
    return address.split(".")[0]


def _address_in(text: str) -> str | None:
    found = re.search(r'"(\w+\.[\w-]+)"', text)
    return found[1] if found else None
