"""What stands on the page of an environment: a row for each endpoint of each region, and one for a region's pools."""

from collections.abc import Iterator

from infra.endpoint_signals import endpoint_row
from infra.naming import Names
from infra.page import Page, Row
from infra.queue_signals import pools_row
from infra.spec import Environment, RegionSpec


def overview(environment: Environment) -> Page:
    """Return the page of `environment`: names alone decide it, so it can be drawn before anything is deployed."""
    names = Names.of(environment, environment.regions[0].name)
    rows = tuple(row for region in environment.regions for row in _rows(Names.of(environment, region.name), region))
    return Page(names.regional("overview"), f"{environment.project} {environment.name}", rows)


def _rows(names: Names, region: RegionSpec) -> Iterator[Row]:
    for endpoint in region.endpoints:
        yield endpoint_row(endpoint, names.regional(endpoint.name), region.name)
    if region.gpu_pools:
        yield pools_row([pool.name for pool in region.gpu_pools], names)
