"""Whether AWS has the machines that an environment names, in the zones where they are to stand."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ci.finding import Finding
from ci.site import Site
from ci.site_check import zones_of
from infra.spec import Async, ExistingNetworkSpec, RealTime, RegionSpec
from infra.spec.gpu_need import types_like
from infra.spec.instance_types import instance_types

Offered = Mapping[str, set[str]]
"""EC2 type → the zones that have it."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Machines of any one of some types. SageMaker keeps machines of its own: EC2's zones only hint at those."""

    thing: str
    types: Sequence[str]
    zones: Sequence[str]
    # The letter of the market in the table of types, '' for any.
    usage: str = ""
    hosted: bool = False


def check_offerings(site: Site, region: RegionSpec) -> list[Finding]:
    """Ask for the zones of every type that pools, clusters, endpoints and training name."""
    from botocore.exceptions import ClientError

    try:
        zones = _zones(site, region)
        wanted = list(_wanted(region, zones))
        offered = _offered(site, region, sorted(instance_types()))
    except ClientError as error:
        fix = "let these credentials call ec2:DescribeInstanceTypeOfferings and ec2:DescribeAvailabilityZones"
        return [Finding(check=f"types {region.name}", state="warn", told=str(error), fix=fix)]
    return [_finding(region.name, one, offered) for one in wanted]


def _zones(site: Site, region: RegionSpec) -> list[str]:
    """The zones of the network's private subnets, in their order."""
    network = region.network
    if not isinstance(network, ExistingNetworkSpec):
        return zones_of(site, region)[: network.zones]
    subnets = site.client("ec2", region.name).describe_subnets(SubnetIds=list(network.subnet_ids))["Subnets"]
    zone = {subnet["SubnetId"]: subnet["AvailabilityZone"] for subnet in subnets}
    return [zone[subnet] for subnet in network.subnet_ids]


def _wanted(region: RegionSpec, zones: Sequence[str]) -> Iterator[Wanted]:
    for pool in region.gpu_pools:
        # The nodes of one job stand in one zone.
        where = zones if pool.nodes == 1 else zones[pool.zone : pool.zone + 1]
        yield Wanted(thing=f"gpu pool {pool.name!r}", types=pool.types, zones=where, usage=pool.usage)
    for cluster in region.clusters:
        yield Wanted(thing=f"head of cluster {cluster.name!r}", types=(cluster.head_type,), zones=zones)
        yield Wanted(thing=f"workers of cluster {cluster.name!r}", types=cluster.worker_types, zones=zones)
    hosted = [(f"endpoint {one.name!r}", one.hosting) for one in region.endpoints]
    hosted_types = [(thing, host.instance_type) for thing, host in hosted if isinstance(host, RealTime | Async)]
    for thing, instance_type in (*hosted_types, ("training", region.training.instance_type)):
        yield Wanted(thing=thing, types=(instance_type.removeprefix("ml."),), zones=zones, hosted=True)


def _offered(site: Site, region: RegionSpec, types: Sequence[str]) -> Offered:
    client = site.client("ec2", region.name)
    pages = client.get_paginator("describe_instance_type_offerings").paginate(
        LocationType="availability-zone", Filters=[{"Name": "instance-type", "Values": list(types)}]
    )
    found: dict[str, set[str]] = {}
    for offering in (one for page in pages for one in page["InstanceTypeOfferings"]):
        found.setdefault(offering["InstanceType"], set()).add(offering["Location"])
    return found


def _finding(region: str, wanted: Wanted, offered: Offered) -> Finding:
    here = [name for name in wanted.types if offered.get(name, set()).intersection(wanted.zones)]
    missing = [name for name in wanted.types if name not in here]
    check, places = f"types {region}", ", ".join(wanted.zones)
    if not missing:
        told = f"{wanted.thing}: {_counted(len(here))} in {len(wanted.zones)} zones"
        return Finding(check=check, state="ok", told=told)
    told = f"{wanted.thing}: EC2 has {'none of ' if not here else 'no '}{', '.join(missing)} in {places}"
    fix = _others(wanted, offered)
    if wanted.hosted:
        return Finding(check=check, state="warn", told=f"{told}, so SageMaker may have none either", fix=fix)
    if here:
        told += f"; {_counted(len(here))} of {len(wanted.types)} remain{'s' * (len(here) == 1)}"
    return Finding(check=check, state="warn" if here else "fail", told=told, fix=fix)


def _others(wanted: Wanted, offered: Offered) -> str:
    like = types_like(instance_types()[wanted.types[0]], wanted.usage)
    there = [name for name in like if name not in wanted.types and offered.get(name, set()).intersection(wanted.zones)]
    if there:
        return f"name others that are there: {', '.join(there)}"
    elsewhere = sorted(set().union(*(offered.get(name, set()) for name in wanted.types)) - set(wanted.zones))
    if not elsewhere:
        return "choose another size or region"
    return (
        f"they are in {', '.join(elsewhere)}: span more zones, or set the zone of a pool whose jobs take several nodes"
    )


def _counted(count: int) -> str:
    return f"{count} type{'s' * (count != 1)}"
