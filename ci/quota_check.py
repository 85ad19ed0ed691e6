"""Compares AWS's service quotas with what a region of an environment may ask for."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ci.finding import Finding, QuotaFigures, State
from ci.site import Site
from infra.spec import RegionSpec
from infra.spec.quotas import QuotaNeed

# boto3's stubs of this service are not among our packages.
ServiceQuotasClient = Any
_AT_ONCE = 4


def check_quotas(site: Site, region: RegionSpec) -> list[Finding]:
    """Ask for each quota that the region's words need, and say which are too low, and how to get more."""
    from botocore.exceptions import ClientError

    client: ServiceQuotasClient = site.client("service-quotas", region.name)
    needs = region.all_quota_needs
    try:
        codes = _codes(client, {need.service_code for need in needs if not need.quota_code})
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            asked = [(need, need.quota_code or codes.get(need.name, "")) for need in needs]
            return list(pool.map(lambda each: _finding(client, region.name, *each), asked))
    except ClientError as error:
        fix = "let these credentials call servicequotas:GetServiceQuota and servicequotas:ListAWSDefaultServiceQuotas"
        return [Finding(check=f"quotas {region.name}", state="warn", told=str(error), fix=fix)]


def _codes(client: ServiceQuotasClient, services: set[str]) -> dict[str, str]:
    """Return the codes of all quotas of these services by name; hundreds, so only where one is not known."""
    return {
        quota["QuotaName"]: quota["QuotaCode"]
        for service in sorted(services)
        for page in client.get_paginator("list_aws_default_service_quotas").paginate(ServiceCode=service)
        for quota in page["Quotas"]
    }


def _finding(client: ServiceQuotasClient, region: str, need: QuotaNeed, code: str) -> Finding:
    have = _value(client, need.service_code, code) if code else None
    check = f"quota {region}"
    figures = QuotaFigures(
        region=region,
        service_code=need.service_code,
        quota_code=code,
        name=need.name,
        have=have,
        need=need.amount,
        least=need.least,
    )
    if have is None:
        told = f"{need.name}: AWS names no such quota here; {need.amount} may be asked for"
        fix = "look for it in the Service Quotas console"
        return Finding(check=check, state="warn", told=told, fix=fix, quota=figures)
    told = f"{code} {need.name}: have {have:g}, need {need.amount}"
    if have >= need.amount:
        return Finding(check=check, state="ok", told=told, quota=figures)
    state: State = "fail" if have < need.least else "warn"
    told += f", and nothing works with less than {need.least}" if state == "fail" else " at the most"
    return Finding(check=check, state=state, told=told, fix=_request(region, need, code), quota=figures)


def _value(client: ServiceQuotasClient, service: str, code: str) -> float | None:
    """Return the quota as it applies to the account; what was never changed is found among AWS's defaults only."""
    missing = client.exceptions.NoSuchResourceException
    try:
        return float(client.get_service_quota(ServiceCode=service, QuotaCode=code)["Quota"]["Value"])
    except missing:
        pass
    try:
        return float(client.get_aws_default_service_quota(ServiceCode=service, QuotaCode=code)["Quota"]["Value"])
    except missing:
        return None


def _request(region: str, need: QuotaNeed, code: str) -> str:
    return (
        f"aws service-quotas request-service-quota-increase --region {region} --service-code {need.service_code} "
        f"--quota-code {code} --desired-value {need.amount}"
    )
