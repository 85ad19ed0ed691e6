"""How much of AWS's service quotas a word may ask for, so that a quota of 0 is found before the first job waits for it.

A quota has one code in all accounts and regions. Codes and names as the Service Quotas console and
``aws service-quotas list-service-quotas`` show them.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from infra.spec.instance_types import instance_types

Market = Literal["on-demand", "spot"]
Usage = Literal["training job", "spot training job", "endpoint"]


@dataclass(frozen=True, kw_only=True)
class QuotaNeed:
    """What is wanted of one quota in one region.

    `quota_code` is empty where only AWS knows it (SageMaker has one for every type and use); then `name` finds it.
    """

    service_code: str
    quota_code: str
    name: str
    # At the most, once everything runs that may.
    amount: int
    # What a deploy takes at once: with less it fails.
    at_deploy: int = 0
    # The smallest part that is of any use, such as the vCPUs of one machine: with less nothing ever starts.
    unit: int = 0

    @property
    def least(self) -> int:
        """With less than this, something does not work at all."""
        return max(self.at_deploy, self.unit)


_STANDARD = ("L-1216C47A", "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances")
_STANDARD_SPOT = ("L-34B43A08", "All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests")
_G, _G_SPOT = (
    ("L-DB2E81BA", "Running On-Demand G and VT instances"),
    ("L-3819A6DF", "All G and VT Spot Instance Requests"),
)
_P, _P_SPOT = (
    ("L-417A185B", "Running On-Demand P instances"),
    ("L-7212CCBC", "All P4, P3 and P2 Spot Instance Requests"),
)
_P5_SPOT = ("L-C4BD4855", "All P5 Spot Instance Requests")

# EC2's quotas count vCPUs by the letters that a type begins with. Families that no word takes are left out.
_STANDARD_LETTERS = ("a", "c", "d", "h", "i", "im", "is", "m", "r", "t", "z")
_FAMILIES: dict[str, dict[Market, tuple[str, str]]] = {
    "p": {"on-demand": _P, "spot": _P_SPOT},
    **{letters: {"on-demand": _G, "spot": _G_SPOT} for letters in ("g", "gr", "vt")},
    **{letters: {"on-demand": _STANDARD, "spot": _STANDARD_SPOT} for letters in _STANDARD_LETTERS},
}
_NEWER_P: dict[Market, tuple[str, str]] = {"on-demand": _P, "spot": _P5_SPOT}

# SageMaker's codes that are known here; the others are looked up by their name.
_SAGEMAKER: dict[str, str] = {
    "ml.g4dn.xlarge for spot training job usage": "L-944F78BB",
    "ml.g4dn.xlarge for training job usage": "L-3F53BF0F",
    "ml.g5.12xlarge for endpoint usage": "L-65C4BD00",
    "ml.g5.2xlarge for endpoint usage": "L-9614C779",
    "ml.g5.4xlarge for endpoint usage": "L-C1B9A48D",
    "ml.g5.xlarge for endpoint usage": "L-1928E07B",
    "ml.g6.xlarge for endpoint usage": "L-D470D954",
    "ml.g6.xlarge for spot training job usage": "L-A886A53A",
    "ml.g6.xlarge for training job usage": "L-56AE9D73",
    "ml.m5.large for endpoint usage": "L-614B09FD",
    "ml.m5.large for spot training job usage": "L-29688C85",
    "ml.m5.large for training job usage": "L-611FA074",
    "ml.m5.xlarge for spot training job usage": "L-4CEE6BA6",
}
SERVERLESS = ("L-96300102", "Maximum total concurrency that can be allocated across all serverless endpoints")


def machines(
    types: Iterable[str], market: Market, *, most: int, least: int = 0, together: int = 1
) -> tuple[QuotaNeed, ...]:
    """Return what EC2 machines need: `most` of them, `least` from the deploy on, started `together`.

    A pool of several families may find itself on any one of them, so each must be able to bear it alone.
    """
    needs: dict[str, QuotaNeed] = {}
    for name in types:
        if (quota := family_quota(name, market)) is not None:
            vcpus = instance_types()[name].vcpus
            needs[quota[0]] = QuotaNeed(
                service_code="ec2",
                quota_code=quota[0],
                name=quota[1],
                amount=most * vcpus,
                at_deploy=least * vcpus,
                unit=min(together, most) * vcpus,
            )
    return tuple(need for need in needs.values() if need.amount)


def sagemaker(instance_type: str, usage: Usage, *, most: int, least: int = 0) -> tuple[QuotaNeed, ...]:
    """Return what SageMaker machines need; SageMaker counts machines, by type and use."""
    name = sagemaker_quota(instance_type, usage)
    code = _SAGEMAKER.get(name, "")
    return (
        QuotaNeed(
            service_code="sagemaker", quota_code=code, name=name, amount=most, at_deploy=least, unit=min(1, most)
        ),
    )


def sagemaker_quota(instance_type: str, usage: Usage) -> str:
    """Return what SageMaker calls the quota of a type's use."""
    return f"{instance_type} for {usage} usage"


def serverless(concurrency: int) -> tuple[QuotaNeed, ...]:
    """Return what a serverless endpoint needs: its places count from the deploy on, whether used or not."""
    code, name = SERVERLESS
    return (QuotaNeed(service_code="sagemaker", quota_code=code, name=name, amount=concurrency, at_deploy=concurrency),)


def network(*, nat_gateways: int, interface_endpoints: int, gateway_endpoints: int) -> tuple[QuotaNeed, ...]:
    """Return what a VPC and its ways out need."""
    wanted = (
        ("vpc", "L-F678F1CE", "VPCs per Region", 1),
        ("vpc", "L-A4707A72", "Internet gateways per Region", min(1, nat_gateways)),
        ("vpc", "L-FE5A380F", "NAT gateways per Availability Zone", min(1, nat_gateways)),
        ("ec2", "L-0263D0A3", "EC2-VPC Elastic IPs", nat_gateways),
        ("vpc", "L-29B6F2EB", "Interface VPC endpoints per VPC", interface_endpoints),
        ("vpc", "L-1B52E74A", "Gateway VPC endpoints per Region", gateway_endpoints),
    )
    return _at_once(wanted)


def edge_fleet(*, topic_rules: int, delivery_streams: int) -> tuple[QuotaNeed, ...]:
    """Return what a fleet takes of AWS IoT's and Firehose's quotas, however many devices it has."""
    wanted = (
        ("iotcore", "L-345B62A1", "Maximum number of fleet provisioning templates per customer", 1),
        ("iotcore", "L-8AF17D80", "Maximum number of AWS IoT Core role aliases", 1),
        ("iotcore", "L-954FA751", "Maximum number of rules per AWS account", topic_rules),
        ("firehose", "L-14BB0BE7", "Delivery streams", delivery_streams),
    )
    return _at_once(wanted)


def _at_once(wanted: Iterable[tuple[str, str, str, int]]) -> tuple[QuotaNeed, ...]:
    """Things that the deploy makes, all of them."""
    return tuple(
        QuotaNeed(service_code=service, quota_code=code, name=name, amount=count, at_deploy=count)
        for service, code, name, count in wanted
        if count
    )


def total(needs: Iterable[QuotaNeed]) -> tuple[QuotaNeed, ...]:
    """Add up what several words want of the same quotas, in the order in which they come."""
    sums: dict[tuple[str, str], QuotaNeed] = {}
    for need in needs:
        key = (need.service_code, need.name)
        if key in sums:
            so_far = sums[key]
            need = replace(
                need,
                amount=so_far.amount + need.amount,
                at_deploy=so_far.at_deploy + need.at_deploy,
                unit=max(so_far.unit, need.unit),
            )
        sums[key] = need
    return tuple(sums.values())


def family_quota(instance_type: str, market: Market) -> tuple[str, str] | None:
    """Return code and name of the quota that counts the vCPUs of a type; None for families that no word takes."""
    letters = re.match("[a-z]+", instance_type)
    family = _NEWER_P if instance_type.startswith("p5") else _FAMILIES.get(letters[0] if letters else "")
    return family[market] if family else None
