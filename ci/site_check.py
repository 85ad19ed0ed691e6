"""What of an environment's AWS a deploy needs before its first resource: identity, clock, state, locks, zones."""

import getpass
import json
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from ci import run_lock
from ci.finding import Finding
from ci.site import Site
from infra.spec import AwsAccount, Environment, RegionSpec

if TYPE_CHECKING:
    from botocore.exceptions import ClientError
    from mypy_boto3_s3 import S3Client

# AWS refuses signatures that are five minutes off.
_WORST_SKEW_SECONDS, _SOUND_SKEW_SECONDS = 300, 60


def check_identity(site: Site) -> list[Finding]:
    """Ask AWS who we are and what time it is."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        answer = site.client("sts").get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        return [Finding(check="credentials", state="fail", told=str(error), fix=_sign_in(site.environment))]
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    return [_account(site, answer["Account"], answer["Arn"]), _clock(headers.get("date"))]


def _sign_in(environment: Environment) -> str:
    fix = f"sign in to account {environment.account_id}, for example with: aws sso login"
    if isinstance(environment.target, AwsAccount) and (role := environment.target.role_arn):
        fix = f"sign in as somebody whom the trust policy of {role} names, and who may call sts:AssumeRole on it"
    return fix


def _account(site: Site, found: str, who: str) -> Finding:
    wanted = site.environment.account_id
    if found == wanted:
        return Finding(check="credentials", state="ok", told=f"{who}")
    told = f"they are of account {found}, and {site.name!r} lives in {wanted}"
    fix = f"use credentials of {wanted}: set AWS_PROFILE, or target=AwsAccount(role_arn=…) in its file"
    return Finding(check="credentials", state="fail", told=told, fix=fix)


def _clock(date: str | None) -> Finding:
    if date is None:
        return Finding(check="clock", state="warn", told="AWS's answer bore no date", fix="look at a proxy between")
    skew = abs((datetime.now(UTC) - parsedate_to_datetime(date)).total_seconds())
    told = f"{skew:.0f} s from AWS's"
    if skew <= _SOUND_SKEW_SECONDS:
        return Finding(check="clock", state="ok", told=told)
    state = "fail" if skew >= _WORST_SKEW_SECONDS else "warn"
    return Finding(check="clock", state=state, told=told, fix="set it: timedatectl set-ntp true")


def check_state(site: Site) -> list[Finding]:
    """Look for the bucket of Terraform's state; that of an embedded cloud is made by the deploy itself."""
    from botocore.exceptions import ClientError

    spec = site.environment.state
    s3: S3Client = site.client("s3", spec.region)
    try:
        versioning = s3.get_bucket_versioning(Bucket=spec.bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchBucket" and site.endpoint_url:
            return [Finding(check="state", state="ok", told=f"the deploy makes the bucket {spec.bucket}")]
        told = f"bucket {spec.bucket}: {error.response['Error']['Message']}"
        return [Finding(check="state", state="fail", told=told, fix=_way_to_the_bucket(site, error))]
    if versioning.get("Status") != "Enabled":
        fix = f"aws s3api put-bucket-versioning --bucket {spec.bucket} --versioning-configuration Status=Enabled"
        return [Finding(check="state", state="warn", told=f"bucket {spec.bucket} keeps no old versions", fix=fix)]
    return [Finding(check="state", state="ok", told=f"bucket {spec.bucket}, versioned")]


def _way_to_the_bucket(site: Site, error: "ClientError") -> str:
    make = f"groundplan bootstrap {site.name}"
    if error.response["Error"]["Code"] == "NoSuchBucket":
        return f"make it once, with an administrator's credentials: {make}"
    # S3's names are the whole world's: a bucket of that name there is, and a bootstrap would be refused as we were.
    return (
        "let these credentials call s3:GetBucketVersioning on it; where the bucket is another account's, give "
        f"state.bucket a name of its own in environments/{site.name}.py, then: {make}"
    )


def check_locks(site: Site) -> list[Finding]:
    """Look for a run that is at work on the environment, here or wherever Terraform holds a lock on a state."""
    from botocore.exceptions import ClientError

    if busy := run_lock.holder(site.workspace.folder(site.name)):
        fix = "wait for it to end, or stop it with Ctrl-C"
        return [Finding(check="lock", state="fail", told=f"{busy} is working on it", fix=fix)]
    try:
        found = list(_locks(site))
    except ClientError:
        # There is no bucket, or it is closed to us: `check_state` says so.
        return []
    return found or [Finding(check="lock", state="ok", told="nobody holds a state")]


def _locks(site: Site) -> Iterator[Finding]:
    bucket = site.environment.state.bucket
    s3: S3Client = site.client("s3", site.environment.state.region)
    me = whoami()
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{site.name}/"):
        for key in (entry["Key"] for entry in page.get("Contents", ()) if entry["Key"].endswith(".tflock")):
            lock = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
            told = f"{key.removesuffix('.tflock')} is held by {lock.get('Who')} since {lock.get('Created')}"
            # Our own dead run's lock the next deploy takes back by itself (ci/aftermath.py).
            whose = "" if lock.get("Who") == me else ": a deploy stops there, a plan does not"
            fix = f"wait for that run; when it is dead beyond doubt: aws s3 rm s3://{bucket}/{key}"
            # No failure: it ends by itself, and the doctor of a pull request stops a plan, which takes no lock.
            yield Finding(check="lock", state="warn", told=told + whose, fix=fix)


def whoami() -> str:
    """Return what Terraform writes into a lock for whoever runs it here."""
    return f"{getpass.getuser()}@{socket.gethostname()}"


def zones_of(site: Site, region: RegionSpec) -> list[str]:
    """Return the zones that a region has for the account, without local zones: subnets take the first of them."""
    ready = [
        {"Name": "state", "Values": ["available"]},
        {"Name": "opt-in-status", "Values": ["opt-in-not-required"]},
    ]
    answer = site.client("ec2", region.name).describe_availability_zones(Filters=ready)
    return sorted(zone["ZoneName"] for zone in answer["AvailabilityZones"])


def check_zones(site: Site, region: RegionSpec) -> list[Finding]:
    """Compare the zones that a region has with those that its network spans."""
    from botocore.exceptions import ClientError

    try:
        found = len(zones_of(site, region))
    except ClientError as error:
        if error.response["Error"]["Code"] == "UnauthorizedOperation":
            fix = "let these credentials call ec2:DescribeAvailabilityZones: a deploy asks for them too"
        else:
            fix = f"switch the region on for the account: aws account enable-region --region-name {region.name}"
        return [Finding(check=f"zones {region.name}", state="fail", told=str(error), fix=fix)]
    wanted = region.network.zones
    if found >= wanted:
        return [Finding(check=f"zones {region.name}", state="ok", told=f"{wanted} of {found}")]
    told = f"{found} for the account where the network spans {wanted}"
    return [Finding(check=f"zones {region.name}", state="fail", told=told, fix=f"write zones={found} in the network")]
