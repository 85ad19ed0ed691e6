"""Devices that registered through a fleet's template go with the fleet, and nobody else's with them."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import environments
from ci.device_leftovers import remove_what_devices_registered
from ci.inventory import inventory
from ci.progress import Progress
from ci.site import Site
from ci.workspace import Workspace
from infra import localcloud

FLEET = "groundplan-local-kiosks"


class Told(Progress):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


@pytest.fixture
def site(cloud_home: tuple[Path, localcloud.CloudRecord], tmp_path: Path) -> Iterator[Site]:
    """An AWS with the fleet's type and policies as Terraform makes them, and a type of somebody else."""
    site = Site(environments.load("local"), Workspace(home=tmp_path), cloud_home[1].url)
    iot = site.client("iot")
    policies = (FLEET, f"{FLEET}-claim", "others")
    for kind in (FLEET, "others"):
        iot.create_thing_type(thingTypeName=kind)
    for name in policies:
        iot.create_policy(policyName=name, policyDocument=json.dumps({"Version": "2012-10-17", "Statement": []}))
    yield site
    for name in policies:
        iot.delete_policy(policyName=name)
    for kind in (FLEET, "others"):
        iot.deprecate_thing_type(thingTypeName=kind)
        iot.delete_thing_type(thingTypeName=kind)


def device(iot: Any, name: str, kind: str = FLEET) -> str:
    """Make a device with a certificate and the policy of its fleet; return the certificate's ARN."""
    iot.create_thing(thingName=name, thingTypeName=kind)
    arn: str = iot.create_keys_and_certificate(setAsActive=True)["certificateArn"]
    iot.attach_thing_principal(thingName=name, principal=arn)
    iot.attach_policy(policyName=kind, target=arn)
    return arn


def standing(site: Site) -> set[str]:
    kinds = {"Thing", "Certificate", "Job", "ThingShadow"}
    return {f"{one.type} {one.id}" for one in inventory(site).resources if one.service == "iot" and one.type in kinds}


def test_devices_go_with_their_certificates_shadows_and_jobs_and_others_stay(site: Site) -> None:
    iot, told = site.client("iot"), Told()
    other = device(iot, "others-1", "others")
    others = standing(site)
    shared = device(iot, f"{FLEET}-0001")
    iot.attach_policy(policyName="others", target=shared)
    device(iot, f"{FLEET}-0002")
    claim = iot.create_keys_and_certificate(setAsActive=True)["certificateArn"]
    iot.attach_policy(policyName=f"{FLEET}-claim", target=claim)
    site.client("iot-data").update_thing_shadow(
        thingName=f"{FLEET}-0001", shadowName="model", payload=json.dumps({"state": {"reported": {"version": "1"}}})
    )
    target = iot.describe_thing(thingName=f"{FLEET}-0001")["thingArn"]
    iot.create_job(jobId=f"{FLEET}-1.2.3", targets=[target], document="{}")
    iot.create_job(jobId="others-1", targets=[iot.describe_thing(thingName="others-1")["thingArn"]], document="{}")

    assert remove_what_devices_registered(site, told) == 2
    assert told.lines == ["us-east-1: removed 2 devices, 2 certificates and 1 jobs of the fleet kiosks."]
    left = standing(site)
    assert {one for one in left - others if shared not in one} == set(), "what somebody else's policy holds stays"
    assert [job["jobId"] for job in iot.list_jobs()["jobs"]] == ["others-1"]
    assert remove_what_devices_registered(site, Told()) == 0

    iot.delete_job(jobId="others-1", force=True)
    iot.detach_thing_principal(thingName="others-1", principal=other)
    iot.delete_thing(thingName="others-1")
    for arn in (other, shared):
        iot.detach_policy(policyName="others", target=arn)
        iot.update_certificate(certificateId=arn.rsplit("/", 1)[-1], newStatus="INACTIVE")
        iot.delete_certificate(certificateId=arn.rsplit("/", 1)[-1])


def test_a_guarded_environment_keeps_its_devices_and_tells_of_them(site: Site) -> None:
    iot, told = site.client("iot"), Told()
    device(iot, f"{FLEET}-0001")
    guarded = replace(site, environment=site.environment.model_copy(update={"guarded": True}))
    before = standing(site)
    assert remove_what_devices_registered(guarded, told) == 0
    assert told.lines == ["us-east-1: 1 devices of kiosks stay registered (guarded)."]
    assert standing(site) == before
    (region,) = site.environment.regions
    bare = region.model_copy(update={"edge_fleets": ()})
    undeclared = replace(guarded, environment=guarded.environment.model_copy(update={"regions": (bare,)}))
    assert remove_what_devices_registered(undeclared, Told()) == 0
    assert remove_what_devices_registered(undeclared, Told(), fleets=[(region.name, FLEET)]) == 1, "it was named"
