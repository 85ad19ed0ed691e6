"""What stands on the page of an environment: a row for each endpoint, cluster and fleet, and for a region's queues."""

from collections.abc import Iterator

from infra.cluster_signals import cluster_row
from infra.edge_names import EdgeNames
from infra.endpoint_signals import endpoint_row
from infra.fleet_signals import fleet_rows
from infra.naming import Names
from infra.news_signals import news_row
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
        yield pools_row(region.gpu_pools, names)
    for cluster in region.clusters:
        yield cluster_row(cluster, names)
    for fleet in region.edge_fleets:
        yield from fleet_rows(fleet, EdgeNames.of(names, fleet), region.name)
    yield news_row(names)
