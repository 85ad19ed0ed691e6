"""Everything that exists in an environment's AWS, to prove what is there and that nothing was left."""

import json
from collections.abc import Iterator
from urllib.request import ProxyHandler, build_opener

from ci.result import Result
from ci.site import Site
from ci.state import StateStore
from ci.undeclared import KEY


class Resource(Result):
    """One thing that exists."""

    service: str
    region: str
    account: str
    type: str
    id: str


class Inventory(Result):
    """All that exists, ordered by service and type."""

    environment: str
    resources: tuple[Resource, ...]


def inventory(site: Site) -> Inventory:
    """List what exists: all of an embedded cloud; of an account what bears this environment's tags."""
    found = _of_cloud(site.endpoint_url) if site.endpoint_url else _of_account(site)
    ordered = sorted(found, key=lambda resource: (resource.service, resource.region, resource.type, resource.id))
    return Inventory(environment=site.name, resources=tuple(ordered))


def _of_cloud(url: str) -> Iterator[Resource]:
    with build_opener(ProxyHandler({})).open(f"{url}/_groundplan/inventory", timeout=60) as answer:
        yield from (Resource.model_validate(entry) for entry in json.load(answer)["resources"])


def _of_account(site: Site) -> Iterator[Resource]:
    environment = site.environment
    tags = {"project": environment.project, "environment": environment.name}
    wanted = [{"Key": key, "Values": [value]} for key, value in tags.items()]
    for region in _regions(site):
        client = site.client("resourcegroupstaggingapi", region)
        for page in client.get_paginator("get_resources").paginate(TagFilters=wanted):
            for entry in page["ResourceTagMappingList"]:
                _, _, service, where, account, rest = entry["ResourceARN"].split(":", 5)
                kind = rest.replace(":", "/").split("/")[0]
                yield Resource(service=service, region=where or region, account=account, type=kind, id=rest)


def _regions(site: Site) -> list[str]:
    """The regions that the environment has, and had: a state tells of those that its file names no more."""
    states = (KEY.fullmatch(key) for key, _ in StateStore(site).states() if key.startswith(f"{site.name}/"))
    return sorted({found["region"] for found in states if found} | {region.name for region in site.environment.regions})
