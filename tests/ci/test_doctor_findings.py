"""Each thing that the doctor looks for, brought about once: on this machine, or on a real embedded cloud."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

import environments
from ci import run_lock, site_check
from ci.finding import Finding
from ci.offering_check import check_offerings
from ci.quota_check import check_quotas
from ci.role_check import ISSUER, check_roles
from ci.site import Site
from ci.workflow_identity import AUDIENCE
from ci.workspace import Workspace
from infra.localcloud import CloudRecord
from infra.naming import Names
from infra.spec import EmbeddedCloud, EndpointSpec, GpuPoolSpec, NetworkSpec, RealTime, RegionSpec
from tests.ci.conftest import REPOSITORY

TRUST = '{"Version": "2012-10-17", "Statement": []}'


@pytest.fixture
def site(cloud_home: tuple[Path, CloudRecord]) -> Site:
    """The environment `prod` as if it lived on the embedded cloud, where no other test deploys."""
    prod = environments.load("prod")
    here = prod.model_copy(update={"target": EmbeddedCloud(), "account_id": "123456789012"})
    return Site.of(here, Workspace(root=REPOSITORY, home=cloud_home[0]))


def region(site: Site, name: str = "us-east-1", **fields: Any) -> RegionSpec:
    """One region of the environment, with other things in it."""
    (found,) = (one for one in site.environment.regions if one.name == name)
    return found.model_copy(update=fields)


def worst(findings: list[Finding]) -> Finding:
    """The one finding that needs something done."""
    (found,) = (finding for finding in findings if finding.state != "ok")
    assert found.fix
    return found


@pytest.mark.parametrize(("seconds", "state"), [(1, "ok"), (120, "warn"), (600, "fail")])
def test_a_clock_that_is_off(seconds: int, state: str) -> None:
    found = site_check._clock(format_datetime(datetime.now(UTC) + timedelta(seconds=seconds)))
    assert (found.check, found.state) == ("clock", state)


@pytest.fixture
def state_bucket(site: Site) -> Iterator[tuple[Any, str]]:
    s3, bucket = site.client("s3", site.environment.state.region), site.environment.state.bucket
    s3.create_bucket(Bucket=bucket)
    yield s3, bucket
    for entry in s3.list_objects_v2(Bucket=bucket).get("Contents", ()):
        s3.delete_object(Bucket=bucket, Key=entry["Key"])
    s3.delete_bucket(Bucket=bucket)


def test_a_state_bucket_without_versions_and_a_lock_in_it(site: Site, state_bucket: tuple[Any, str]) -> None:
    s3, bucket = state_bucket
    found = worst(site_check.check_state(site))
    assert (found.state, found.told) == ("warn", f"bucket {bucket} keeps no old versions")
    assert [one.state for one in site_check.check_locks(site)] == ["ok"]
    key, since = "prod/us-east-1/network.tfstate", "2026-11-22T08:00:00Z"
    # Neither stops a plan, so neither fails: what holds a state ends by itself, or is our own dead run's.
    for who, rest in (("ann@ci-7", ": a deploy stops there, a plan does not"), (site_check.whoami(), "")):
        s3.put_object(Bucket=bucket, Key=f"{key}.tflock", Body=json.dumps({"Who": who, "Created": since}))
        found = worst(site_check.check_locks(site))
        assert (found.state, found.told) == ("warn", f"{key} is held by {who} since {since}{rest}")
        assert str(found.fix).endswith(f"aws s3 rm s3://{bucket}/{key}.tflock")


def test_a_run_that_is_at_work(site: Site) -> None:
    with run_lock.hold(site.workspace.folder(site.name), "deploy prod", print):
        found = worst(site_check.check_locks(site))
    assert (found.state, "groundplan deploy prod (pid " in found.told) == ("fail", True)
    assert run_lock.holder(site.workspace.folder(site.name)) is None


def test_a_missing_state_bucket_of_an_account(site: Site) -> None:
    elsewhere = Site(site.environment, site.workspace, None)
    object.__setattr__(elsewhere, "client", site.client)
    found = worst(site_check.check_state(elsewhere))
    assert (found.state, str(found.fix).endswith("groundplan bootstrap prod")) == ("fail", True)


def test_workflows_that_cannot_sign_in(site: Site) -> None:
    assert [one.state for one in check_roles(site)] == ["ok"], "nobody signs in to an embedded cloud"
    iam, (github,) = site.client("iam"), site.environment.repositories
    names = Names.of(site.environment, site.environment.state.region)
    plan, deploy, reap = (names.role(purpose) for purpose in ("plan", "deploy", "reap"))
    iam.create_role(RoleName=plan, AssumeRolePolicyDocument=TRUST)
    providers = []
    try:
        told = [(one.state, one.told) for one in check_roles(site)]
        assert told == [
            ("fail", f"the account does not trust {ISSUER}"),
            ("fail", f"the role {plan} does not trust {github.subject('pull_request')}"),
            ("fail", f"there is no role {deploy} to deploy with"),
            ("warn", f"there is no role {reap} to reap with"),
        ]
        made = iam.create_open_id_connect_provider(Url=f"https://{ISSUER}", ClientIDList=["another"])
        assert check_roles(site)[0].told == f"{ISSUER} may not speak for {AUDIENCE}"
        iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=made["OpenIDConnectProviderArn"])
        made = iam.create_open_id_connect_provider(Url=f"https://{ISSUER}", ClientIDList=[AUDIENCE])
        providers = [made["OpenIDConnectProviderArn"]]
        # As a bootstrap makes it, and as earlier ones did: for one context alone, and from any branch.
        whole = {f"{ISSUER}:sub": list(github.takers(site.name)["plan"].subjects)}
        iam.update_assume_role_policy(RoleName=plan, PolicyDocument=trusting(providers[0], whole))
        assert [one.state for one in check_roles(site)] == ["ok", "ok", "fail", "warn"]
        half = {f"{ISSUER}:sub": [github.subject("pull_request")]}
        iam.update_assume_role_policy(RoleName=plan, PolicyDocument=trusting(providers[0], half))
        assert check_roles(site)[1].told == f"the role {plan} does not trust {github.subject(f'ref:{github.ref}')}"
        gate = {f"{ISSUER}:sub": github.subject("environment:prod")}
        iam.create_role(RoleName=deploy, AssumeRolePolicyDocument=trusting(providers[0], gate))
        found = check_roles(site)[2]
        assert (found.state, found.told.startswith(f"the role {deploy} may be taken from any branch")) == ("warn", True)
        bound = gate | {f"{ISSUER}:ref": github.ref}
        iam.update_assume_role_policy(RoleName=deploy, PolicyDocument=trusting(providers[0], bound))
        assert check_roles(site)[2].state == "ok"
    finally:
        for role in iam.list_roles()["Roles"]:
            if role["RoleName"] in {plan, deploy}:
                iam.delete_role(RoleName=role["RoleName"])
        for arn in providers:
            iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)


def trusting(provider: str, claims: dict[str, Any]) -> str:
    may = {"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity", "Principal": {"Federated": provider}}
    return json.dumps({"Version": "2012-10-17", "Statement": [may | {"Condition": {"StringEquals": claims}}]})


def test_fewer_zones_than_the_network_spans(site: Site) -> None:
    wide = region(site, "eu-west-1", network=NetworkSpec(cidr="10.9.0.0/16", zones=4))
    found = worst(site_check.check_zones(site, wide))
    assert (found.state, found.fix) == ("fail", "write zones=3 in the network")


def test_types_that_no_zone_has(site: Site) -> None:
    """moto carries what AWS offers: Ireland has one zone with p4d machines, and none with g6."""
    g6 = GpuPoolSpec(name="g6", instance_types=("g6.xlarge",), least_types=1, max_nodes=1)
    both = GpuPoolSpec(name="both", instance_types=("g5.xlarge", "g6.xlarge"), least_types=2, max_nodes=1)
    live = EndpointSpec(name="live", model="review_sentiment", hosting=RealTime(instance_type="ml.g6.xlarge"))
    found = {
        one.told.partition(":")[0]: one
        for one in check_offerings(site, region(site, "eu-west-1", gpu_pools=(g6, both), endpoints=(live,)))
    }
    places = "eu-west-1a, eu-west-1b, eu-west-1c"
    none = found["gpu pool 'g6'"]
    assert (none.state, none.told) == ("fail", f"gpu pool 'g6': EC2 has none of g6.xlarge in {places}")
    assert none.fix == "name others that are there: g5.xlarge"
    some = found["gpu pool 'both'"]
    assert (some.state, some.told) == (
        "warn",
        f"gpu pool 'both': EC2 has no g6.xlarge in {places}; 1 type of 2 remains",
    )
    assert (found["endpoint 'live'"].state, found["training"].state) == ("warn", "ok")


def test_nodes_of_one_job_want_their_types_in_one_zone(site: Site) -> None:
    pool = GpuPoolSpec(
        name="wide", instance_types=("p4d.24xlarge",), purchase="on-demand", nodes=2, max_nodes=2, zone=0
    )
    found = check_offerings(site, region(site, "eu-west-1", gpu_pools=(pool,)))[0]
    assert (found.state, found.told) == ("fail", "gpu pool 'wide': EC2 has none of p4d.24xlarge in eu-west-1a")
    assert str(found.fix).startswith("they are in eu-west-1c: ")
    there = check_offerings(site, region(site, "eu-west-1", gpu_pools=(pool.model_copy(update={"zone": 2}),)))[0]
    assert there.state == "ok"


def test_what_others_use_of_a_quota_is_taken_off(site: Site) -> None:
    """A quota of 5 addresses bears our three; two of somebody else's make it too small, one of our own does not."""
    ec2 = site.client("ec2", "us-east-1")
    tags = [{"Key": "project", "Value": "groundplan"}, {"Key": "environment", "Value": "prod"}]
    own = [{"ResourceType": "elastic-ip", "Tags": tags}]
    made = [ec2.allocate_address(Domain="vpc", TagSpecifications=own)["AllocationId"]]
    try:
        made += [ec2.allocate_address(Domain="vpc")["AllocationId"] for _ in range(2)]
        assert _quota(site, "EC2-VPC Elastic IPs").state == "ok"
        made.append(ec2.allocate_address(Domain="vpc")["AllocationId"])
        found = _quota(site, "EC2-VPC Elastic IPs")
    finally:
        for identifier in made:
            ec2.release_address(AllocationId=identifier)
    assert found.state == "fail"
    assert found.told == (
        "L-0263D0A3 EC2-VPC Elastic IPs: have 5 (3 of it in use by others), need 3, and nothing works with less than 3"
    )
    assert str(found.fix).endswith("--region us-east-1 --service-code ec2 --quota-code L-0263D0A3 --desired-value 6")


def test_machines_endpoints_and_jobs_of_others_are_counted(site: Site) -> None:
    ec2, sagemaker = site.client("ec2", "us-east-1"), site.client("sagemaker", "us-east-1")
    market = {"MarketType": "spot"}
    one: dict[str, Any] = {"ImageId": "ami-12c6146b", "MinCount": 1, "MaxCount": 1}
    machines = [
        ec2.run_instances(InstanceType="g5.xlarge", InstanceMarketOptions=market, **one),
        ec2.run_instances(InstanceType="m5.xlarge", **one),
    ]
    variant = {"VariantName": "v", "ModelName": "else", "InstanceType": "ml.m5.large", "InitialInstanceCount": 2}
    sagemaker.create_model(ModelName="else", ExecutionRoleArn="arn:aws:iam::123456789012:role/else")
    sagemaker.create_endpoint_config(EndpointConfigName="else", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName="else", EndpointConfigName="else")
    try:
        used = {name: _used(site, name) for name in (SPOT, STANDARD, HOSTED)}
    finally:
        ec2.terminate_instances(InstanceIds=[found["Instances"][0]["InstanceId"] for found in machines])
        sagemaker.delete_endpoint(EndpointName="else")
        sagemaker.delete_endpoint_config(EndpointConfigName="else")
        sagemaker.delete_model(ModelName="else")
    assert used == {SPOT: 4, STANDARD: 4, HOSTED: 2}


SPOT = "All G and VT Spot Instance Requests"
STANDARD = "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances"
HOSTED = "ml.m5.large for endpoint usage"


def _quota(site: Site, name: str) -> Finding:
    (found,) = (one for one in check_quotas(site, region(site)) if one.quota and one.quota.name == name)
    return found


def _used(site: Site, name: str) -> int:
    found = _quota(site, name).quota
    assert found
    return found.used
