"""What machines cost that come and go: Batch pools, Auto Scaling groups, endpoints, training jobs.

The worst case runs every machine that the limits allow, of the dearest type, at the on-demand price: spot never costs
more. What spot is taken to cost stands beside it.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from math import ceil
from typing import Any

from ci.estimate.declared import Declared, Fixed, Item, Scaling, UnknownPriceError, Unpriced, blocks
from ci.estimate.schedules import Bounds, bounds, of_group, of_target
from infra.spec.instance_types import instance_types

SECONDS_PER_HOUR = 3600
MB_PER_GB = 1024


def compute_environment(declared: Declared) -> Iterator[Item]:
    """A Batch pool counts vCPUs: its nodes are as many of each type as fit."""
    resources = declared.block.get("compute_resources", {})
    types: Sequence[str] = resources.get("instance_type", ())
    disk = _disk(declared, resources.get("launch_template"))

    def nodes(vcpus: int, name: str) -> int:
        return ceil(vcpus / instance_types()[name].vcpus)

    prices: dict[str, float] = {}
    unknown: list[UnknownPriceError] = []
    for name in types:
        try:
            prices[name] = declared.book.hourly(name)
        except UnknownPriceError as error:
            unknown.append(error)
    others = "the sum has its pool with the other types only"
    none = "no type of this pool has a price: the sum leaves the whole pool out"
    least = resources.get("min_vcpus", 0) > 0
    for lacking in unknown:
        reason = f"{lacking}; {others if prices else none}"
        yield Unpriced(reason, lacking.product, whole=not prices, idle=least, scales=True)
    if not prices:
        return
    idle, worst = (
        max(nodes(resources.get(limit, 0), name) * (price + disk) for name, price in prices.items())
        for limit in ("min_vcpus", "max_vcpus")
    )
    dearest = max(prices, key=lambda name: nodes(resources["max_vcpus"], name) * prices[name])
    most = nodes(resources["max_vcpus"], dearest)
    spot = resources.get("type") == "SPOT"
    yield Scaling(f"up to {most} × {dearest}{_spot(declared, dearest, most) if spot else ' on demand'}", idle, worst)


def auto_scaling_group(declared: Declared) -> Iterator[Item]:
    """A group runs from min_size to max_size machines, of one type or the dearest of several."""
    mixed = next(iter(blocks(declared.block.get("mixed_instances_policy"))), {})
    choice = next(iter(blocks(mixed.get("launch_template"))), {})
    reference = next(iter(blocks(choice.get("launch_template_specification"))), {})
    reference = reference or next(iter(blocks(declared.block.get("launch_template"))), {})
    template = declared.referred(reference, "aws_launch_template")
    types = [override["instance_type"] for override in blocks(choice.get("override")) if "instance_type" in override]
    types = types or [template["instance_type"]]
    dearest = max(types, key=declared.book.hourly)
    each = declared.book.hourly(dearest) + _disk(declared, reference)
    least, most = int(declared.block.get("min_size", 0)), int(declared.block["max_size"])
    size = bounds(least, most, of_group(declared))
    spot = _spot(declared, dearest, size.worst) if mixed else " on demand"
    yield _scaling(size, f"{dearest}{spot}", each)


def capacity_reservation(declared: Declared) -> Iterator[Item]:
    """A reservation is paid whether its machines run or not."""
    count, name = int(declared.block["instance_count"]), declared.block["instance_type"]
    yield Fixed(f"{count} × {name} reserved", count * declared.book.hourly(name))


def endpoint_configuration(declared: Declared) -> Iterator[Item]:
    """An endpoint pays for its instances, or for the seconds and the memory of its requests."""
    for variant in blocks(declared.block.get("production_variants")):
        for serverless in blocks(variant.get("serverless_config")):
            each = serverless["memory_size_in_mb"] / MB_PER_GB * SECONDS_PER_HOUR * declared.book.hourly("serverless")
            most, ready = serverless["max_concurrency"], serverless.get("provisioned_concurrency", 0)
            what = f"up to {most} serverless requests at a time, {serverless['memory_size_in_mb']} MB each"
            yield Scaling(what, ready * each, most * each)
        if name := variant.get("instance_type"):
            started = variant.get("initial_instance_count", 1)
            size = _autoscaled(declared, variant.get("variant_name", ""), started)
            yield _scaling(size, name, declared.book.hourly(name))


def training_contract(declared: Declared) -> Iterator[Item]:
    """Jobs are no resources: their launcher reads what one of them runs on from a parameter."""
    contract = _read(declared.block.get("value"))
    if "max_runtime_seconds" in contract and "instance_type" in contract:
        name = contract["instance_type"]
        disk = contract["volume_gb"] * declared.book.hourly("sagemaker-storage")
        each = declared.book.hourly(name) + disk
        # Managed spot has no price of its own: it is a discount that AWS tells of afterwards.
        share = declared.book.price("spot-factor").usd
        spot = f" (spot about ${share * each:,.2f}/h, assumed {share:.0%})"
        spot = spot if contract.get("spot") else ""
        yield Scaling(f"training jobs, one at a time on {name}{spot}", 0.0, each)


def _scaling(size: Bounds, what: str, each: float) -> Scaling:
    return Scaling(f"{size.told} × {what}{size.note}", size.idle * each, size.worst * each, size.assumed)


def _read(value: object) -> Mapping[str, Any]:
    try:
        found = json.loads(str(value))
    except ValueError:
        return {}
    return found if isinstance(found, Mapping) else {}


def _spot(declared: Declared, instance_type: str, count: int) -> str:
    usd, known = declared.book.spot(instance_type)
    return f" (spot about ${count * usd:,.2f}/h, {known})"


def _disk(declared: Declared, reference: object) -> float:
    """What the disks of one machine cost in an hour."""
    template = declared.referred(reference, "aws_launch_template")
    disks = [disk for mapping in blocks(template.get("block_device_mappings")) for disk in blocks(mapping.get("ebs"))]
    gigabytes: int = sum(disk.get("volume_size", 0) for disk in disks)
    return gigabytes * declared.book.hourly("ebs-gp3")


def _autoscaled(declared: Declared, variant: str, started: int) -> Bounds:
    """How many instances a variant has: by its scalable target and the schedules of that, else what it starts with."""
    endpoints = [
        (name, block)
        for name, block in declared.others("aws_sagemaker_endpoint").items()
        if f"aws_sagemaker_endpoint_configuration.{declared.name}." in str(block.get("endpoint_config_name"))
    ]
    for target_name, target in declared.others("aws_appautoscaling_target").items():
        identifier = str(target.get("resource_id"))
        for name, block in endpoints:
            own = f"aws_sagemaker_endpoint.{name}." in identifier or f"/{block.get('name')}/" in identifier
            if own and identifier.endswith(f"/{variant}"):
                least, most = int(target["min_capacity"]), int(target["max_capacity"])
                return bounds(least, most, of_target(declared, target_name, target))
    return bounds(started, started, ())
