"""Reads what the stacks of an environment handed over: their contracts, as SSM parameters."""

from collections.abc import Collection
from typing import TYPE_CHECKING

from ci.errors import CommandError, NotDeployedError
from ci.site import Site
from infra.naming import Names
from infra.spec import EndpointSpec, RegionSpec
from infra.spec.contract import ClusterContract, PoolContract, ServingContract, TrainingContract
from infra.spec.errors import nearest

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient


# What the names of bursts begin with.
BURST = "burst-"


def training_contract(site: Site) -> TrainingContract:
    """Return the training contract of the region where the environment trains, its first."""
    name = TrainingContract.parameter_name(site.environment.project, site.name)
    return TrainingContract.model_validate_json(_parameter(site, site.home_region, name))


def pool_contract(site: Site, pool: str) -> PoolContract:
    """Return the contract of a pool of the region where the environment trains, by its `GpuPoolSpec`'s name.

    A burst is a pool too, which no file names: it lasts as long as one run.
    """
    if not pool.startswith(BURST):
        _check("pool", pool, [spec.name for spec in site.home_region.gpu_pools], _home(site))
    name = PoolContract.parameter_name(site.environment.project, site.name, pool)
    return PoolContract.model_validate_json(_parameter(site, site.home_region, name))


def cluster_contract(site: Site, cluster: str) -> ClusterContract:
    """Return the contract of a cluster of the region where the environment trains, by its `ClusterSpec`'s name."""
    _check("cluster", cluster, [spec.name for spec in site.home_region.clusters], _home(site))
    name = ClusterContract.parameter_name(site.environment.project, site.name, cluster)
    return ClusterContract.model_validate_json(_parameter(site, site.home_region, name))


def serving_contract(site: Site, region: RegionSpec, endpoint: str) -> ServingContract:
    """Return the contract of one endpoint, by the name that its `EndpointSpec` has."""
    name = ServingContract.parameter_name(site.environment.project, site.name, endpoint)
    return ServingContract.model_validate_json(_parameter(site, region, name))


def endpoints_of(site: Site, model: str) -> list[tuple[RegionSpec, ServingContract]]:
    """Return the contracts of all endpoints that serve `model`, in every region."""
    return [
        (region, serving_contract(site, region, endpoint.name))
        for region in site.environment.regions
        for endpoint in region.endpoints
        if endpoint.model == model
    ]


def find_endpoint(site: Site, endpoint: str, region: str = "") -> tuple[RegionSpec, ServingContract]:
    """Return the region of that name, or the first, that has an endpoint of this name, and its contract."""
    regions = site.environment.regions
    if region:
        _check("region", region, [one.name for one in regions], f"environments/{site.name}.py")
        regions = tuple(one for one in regions if one.name == region)
    known = {spec.name: one for one in reversed(regions) for spec in one.endpoints}
    _check("endpoint", endpoint, known, f"environments/{site.name}.py")
    return known[endpoint], serving_contract(site, known[endpoint], endpoint)


def spec_of(site: Site, region: str, contract: ServingContract) -> EndpointSpec | None:
    """Return the words in the environment for the endpoint of a contract; None where they name it no more."""
    names = Names.of(site.environment, region)
    specs = [spec for found in site.environment.regions if found.name == region for spec in found.endpoints]
    return next((spec for spec in specs if names.regional(spec.name) == contract.endpoint_name), None)


def _check(thing: str, name: str, known: Collection[str], where: str) -> None:
    """Raise `CommandError`, with what may have been meant, where nothing in the environment is called so."""
    if name not in known:
        fix = nearest(name, known, otherwise=f"there are {', '.join(sorted(known)) or 'none'}")
        raise CommandError(thing=thing, value=repr(name), rule=f"is not in {where}", fix=fix)


def _home(site: Site) -> str:
    return f"region {site.home_region.name!r} of environments/{site.name}.py"


def _parameter(site: Site, region: RegionSpec, name: str) -> str:
    ssm: SSMClient = site.client("ssm", region.name)
    try:
        return ssm.get_parameter(Name=name)["Parameter"]["Value"]
    except ssm.exceptions.ParameterNotFound as error:
        raise NotDeployedError(
            thing=f"environment {site.name!r}",
            value=f"parameter {name} in {region.name}",
            rule="is not there",
            fix=f"deploy first: groundplan deploy {site.name}",
        ) from error
