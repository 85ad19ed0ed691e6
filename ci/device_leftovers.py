"""Removes what devices registered and roll-outs made beside Terraform: things, certificates, shadows and jobs.

Terraform made the fleet's template, groups and policies, and AWS deletes none that a device holds on to.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from ci.progress import Progress
from ci.site import Site
from infra.edge_names import SHADOW, EdgeNames
from infra.naming import Names


def remove_what_devices_registered(
    site: Site, progress: Progress, *, fleets: Sequence[tuple[str, str]] | None = None
) -> int:
    """Remove the devices of every fleet with their certificates, and its jobs; return how many devices there were.

    `fleets` are pairs of a region and what AWS calls a fleet in it; by default all that are declared.
    A guarded environment keeps them as it keeps its data: they are told, and Terraform refuses to go on. Those of
    `fleets` go all the same: what guarded them went with their code, and somebody named their stack.
    """
    removed = 0
    for edge in _named(site, fleets) if fleets is not None else _declared(site):
        region, name = edge.names.region, edge.fleet
        fleet = _Fleet(site.client("iot", region), site.client("iot-data", region), edge)
        devices = list(fleet.devices())
        if site.environment.guarded and fleets is None:
            if devices:
                progress.say(f"{region}: {len(devices)} devices of {name} stay registered (guarded).")
            continue
        jobs, certificates = fleet.remove_jobs(), fleet.remove(devices)
        if jobs or devices or certificates:
            gone = f"{len(devices)} devices, {certificates} certificates and {jobs} jobs"
            progress.say(f"{region}: removed {gone} of the fleet {name}.")
        removed += len(devices)
    return removed


def _declared(site: Site) -> Iterator[EdgeNames]:
    for region in site.environment.regions:
        for spec in region.edge_fleets:
            yield EdgeNames.of(Names.of(site.environment, region.name), spec)


def _named(site: Site, fleets: Sequence[tuple[str, str]]) -> Iterator[EdgeNames]:
    for region, name in fleets:
        names = Names.of(site.environment, region)
        yield EdgeNames(names, name.removeprefix(names.regional("")))


class _Fleet:
    """What one fleet left in AWS IoT."""

    def __init__(self, iot: Any, data: Any, edge: EdgeNames) -> None:
        self._iot, self._data, self._edge = iot, data, edge

    def devices(self) -> Iterator[str]:
        """Yield the names of the things that registered through the fleet's template: they alone are of its type."""
        try:
            for page in self._iot.get_paginator("list_things").paginate(thingTypeName=self._edge.fleet_name):
                yield from (thing["thingName"] for thing in page["things"])
        except self._iot.exceptions.ResourceNotFoundException:
            return

    def remove(self, devices: list[str]) -> int:
        """Remove devices, then certificates that nothing else holds; return how many certificates went."""
        retired: set[str] = set()
        for name in devices:
            for principal in self._iot.list_thing_principals(thingName=name)["principals"]:
                self._iot.detach_thing_principal(thingName=name, principal=principal)
                retired.add(principal)
            # There is none where a device never told what it runs.
            with suppress(self._data.exceptions.ResourceNotFoundException):
                self._data.delete_thing_shadow(thingName=name, shadowName=SHADOW)
            self._iot.delete_thing(thingName=name)
        for policy in (self._edge.fleet_name, self._edge.claim_policy):
            for target in self._targets(policy):
                self._iot.detach_policy(policyName=policy, target=target)
                retired.add(target)
        return sum(self._retire(certificate) for certificate in sorted(retired))

    def remove_jobs(self) -> int:
        """Remove the fleet's jobs, also those under way."""
        pages = self._iot.get_paginator("list_jobs").paginate()
        jobs = [job["jobId"] for page in pages for job in page["jobs"] if job["jobId"].startswith(self._edge.prefix)]
        for job in jobs:
            self._iot.delete_job(jobId=job, force=True)
        return len(jobs)

    def _targets(self, policy: str) -> list[str]:
        try:
            pages = self._iot.get_paginator("list_targets_for_policy").paginate(policyName=policy)
            return [target for page in pages for target in page["targets"]]
        except self._iot.exceptions.ResourceNotFoundException:
            return []

    def _retire(self, arn: str) -> bool:
        """Delete a certificate that no thing and no policy of anybody else needs."""
        others = self._iot.list_principal_things(principal=arn)["things"]
        if ":cert/" not in arn or others or self._iot.list_attached_policies(target=arn)["policies"]:
            return False
        certificate = arn.rsplit("/", 1)[-1]
        self._iot.update_certificate(certificateId=certificate, newStatus="INACTIVE")
        self._iot.delete_certificate(certificateId=certificate)
        return True
