"""Where a burst may find its machines: types and zones in turn, what each costs, and what the run must know of it."""

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ci.contracts import BURST, pool_contract, training_contract
from ci.errors import CommandError
from ci.prices.refresh import known_prices
from ci.site import Site
from infra.spec.contract import EXPIRES, PoolContract
from infra.spec.errors import nearest
from infra.spec.instance_types import instance_types


@dataclass(frozen=True, kw_only=True)
class Order:
    """What somebody wants: machines like a pool's, these types if any are named, for so long, at no more than that."""

    pool: str
    types: tuple[str, ...]
    hours: float
    most_usd_per_hour: float


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One place to look for a burst's machines. `machines` is what Batch is told of them, `contract` what jobs read."""

    name: str
    project: str
    environment: str
    instance_type: str
    zone: str
    usd_per_hour: float
    ends_at: datetime
    tags: dict[str, str]
    machines: dict[str, Any]
    contract: PoolContract

    @property
    def parameter(self) -> str:
        """Where its contract lies, beside those of the pools."""
        return PoolContract.parameter_name(self.project, self.environment, self.name)


def plans(site: Site, order: Order) -> list[Plan]:
    """Return the places to look in, the first type in every zone before the next; none dearer than was ordered.

    Raises `CommandError` where no type is cheap enough or its price is not known.
    """
    contract, name = pool_contract(site, order.pool), f"{BURST}{secrets.token_hex(3)}"
    affordable = list(_affordable(site, order, contract))
    machines, zones = _machines(site, contract)
    ends_at = (datetime.now(UTC) + timedelta(hours=order.hours)).replace(microsecond=0)
    tags = site.environment.tags("training") | {EXPIRES: ends_at.isoformat(), "burst": name}
    own = {"fair_shares": (), "timeout_seconds": min(contract.timeout_seconds, round(order.hours * 3600))}
    return [
        Plan(
            name=name,
            project=site.environment.project,
            environment=site.name,
            instance_type=kind,
            zone=zone,
            usd_per_hour=usd,
            ends_at=ends_at,
            tags=tags,
            machines=_narrowed(machines, kind, subnet, contract.nodes) | {"tags": tags},
            contract=contract.model_copy(update=own | {"instance_types": (kind,)}),
        )
        for kind, usd in affordable
        for zone, subnet in zones.items()
    ]


def _affordable(site: Site, order: Order, contract: PoolContract) -> Iterator[tuple[str, float]]:
    """Yield the types whose price is known and low enough, with what all machines of the burst cost in an hour."""
    table, known = known_prices(site.environment, site.workspace), instance_types()
    asked: dict[str, float | None] = {}
    for kind in order.types or contract.instance_types:
        if kind not in known:
            fix = nearest(kind, known, otherwise="see infra/spec/instance_types.csv")
            raise CommandError(thing="--types", value=repr(kind), rule="is no known type", fix=fix)
        price = table.get((kind, site.home_region.name))
        asked[kind] = None if price is None else price.usd * contract.nodes
    fine = {kind: usd for kind, usd in asked.items() if usd is not None and usd <= order.most_usd_per_hour}
    if not fine:
        told = ", ".join(f"{kind} {'has no price' if usd is None else f'${usd:.2f}'}" for kind, usd in asked.items())
        raise CommandError(
            thing="burst",
            value=f"--most-usd-per-hour {order.most_usd_per_hour:g}",
            rule=f"is less than every type costs with {contract.nodes} machines: {told}",
            fix=f"allow more, name other --types, or: groundplan prices refresh {site.name}",
        )
    yield from fine.items()


def _machines(site: Site, contract: PoolContract) -> tuple[dict[str, Any], dict[str, str]]:
    """Return what Batch was told of the pool's machines on demand, and the zones of the network with their subnets."""
    batch, ec2 = site.client("batch"), site.client("ec2")
    (queue,) = batch.describe_job_queues(jobQueues=[contract.queue_arns[-1]])["jobQueues"]
    environment = queue["computeEnvironmentOrder"][0]["computeEnvironment"]
    (found,) = batch.describe_compute_environments(computeEnvironments=[environment])["computeEnvironments"]
    machines: dict[str, Any] = found["computeResources"]
    subnets: Sequence[str] = training_contract(site).subnet_ids or machines["subnets"]
    described = ec2.describe_subnets(SubnetIds=list(subnets))["Subnets"]
    return machines, {one["AvailabilityZone"]: one["SubnetId"] for one in described}


def _narrowed(machines: dict[str, Any], kind: str, subnet: str, nodes: int) -> dict[str, Any]:
    """A pool's machines, but of one type and in one zone: where they are held for this burst."""
    kept = ("instanceRole", "securityGroupIds", "launchTemplate", "ec2Configuration")
    return {name: machines[name] for name in kept if machines.get(name)} | {
        "type": "EC2",
        "allocationStrategy": "BEST_FIT_PROGRESSIVE",
        "instanceTypes": [kind],
        "minvCpus": 0,
        "maxvCpus": nodes * instance_types()[kind].vcpus,
        "subnets": [subnet],
    }
