"""Compares what AWS's service quotas leave with what a region of an environment may ask for."""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ci.errors import NoAnswerError
from ci.finding import Finding, QuotaFigures, State
from ci.quota_usage import used_by_others
from ci.site import Site
from infra.spec import RegionSpec
from infra.spec.quotas import QuotaNeed

# boto3's stubs of this service are not among our packages.
ServiceQuotasClient = Any
_AT_ONCE = 8


def check_quotas(site: Site, region: RegionSpec) -> list[Finding]:
    """Ask for each quota that the region's words need and what is left of it; say which fall short, and the way out."""
    from botocore.exceptions import ClientError

    client: ServiceQuotasClient = site.client("service-quotas", region.name)
    needs = region.all_quota_needs
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="quotas") as pool:
        used = {
            service: pool.submit(_used, site, region.name, service, needs)
            for service in sorted({need.service_code for need in needs})
        }
        try:
            codes = _codes(client, {need.service_code for need in needs if not need.quota_code})
            asked = [(need, need.quota_code or codes.get(need.name, "")) for need in needs]
            values = list(pool.map(lambda each: _value(client, each[0].service_code, each[1]), asked))
        except ClientError as error:
            fix = "let these credentials call servicequotas:GetServiceQuota and :ListAWSDefaultServiceQuotas"
            return [Finding(check=f"quotas {region.name}", state="warn", told=str(error), fix=fix)]
    findings, counts = [], Counter[str]()
    for service, answer in used.items():
        found = answer.result()
        if isinstance(found, Counter):
            counts += found
        else:
            findings.append(_uncounted(region.name, service, found))
    return [
        *(
            _finding(region.name, need, code, have, counts[need.name])
            for (need, code), have in zip(asked, values, strict=True)
        ),
        *findings,
    ]


def _used(site: Site, region: str, service: str, needs: Sequence[QuotaNeed]) -> "Counter[str] | Exception":
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return used_by_others(site, region, service, [need for need in needs if need.service_code == service])
    except (BotoCoreError, ClientError, NoAnswerError) as error:
        return error


def _uncounted(region: str, service: str, error: Exception) -> Finding:
    told = f"what is in use of {service}'s quotas is not known: {error}"
    fix = "let these credentials read what there is: attach AWS's policy ReadOnlyAccess"
    if isinstance(error, NoAnswerError):
        told, fix = f"could not ask what is in use of {service}'s quotas: {error.value} {error.rule}", error.fix
    return Finding(check=f"quotas {region}", state="warn", told=told, fix=fix)


def _codes(client: ServiceQuotasClient, services: set[str]) -> dict[str, str]:
    """Return the codes of all quotas of these services by name; hundreds, so only where one is not known."""
    return {
        quota["QuotaName"]: quota["QuotaCode"]
        for service in sorted(services)
        for page in client.get_paginator("list_aws_default_service_quotas").paginate(ServiceCode=service)
        for quota in page["Quotas"]
    }


def _finding(region: str, need: QuotaNeed, code: str, have: float | None, used: int) -> Finding:
    check = f"quota {region}"
    figures = QuotaFigures(
        region=region,
        service_code=need.service_code,
        quota_code=code,
        name=need.name,
        have=have,
        used=used,
        need=need.amount,
        least=need.least,
    )
    if have is None:
        told = f"{need.name}: AWS names no such quota here; {need.amount} may be asked for"
        fix = "look for it in the Service Quotas console"
        return Finding(check=check, state="warn", told=told, fix=fix, quota=figures)
    taken = f" ({used:,} of it in use by others)" if used else ""
    told = f"{code} {need.name}: have {have:g}{taken}, need {need.amount}"
    if have - used >= need.amount:
        return Finding(check=check, state="ok", told=told, quota=figures)
    state: State = "fail" if have - used < need.least else "warn"
    told += f", and nothing works with less than {need.least}" if state == "fail" else " at the most"
    return Finding(check=check, state=state, told=told, fix=_request(figures), quota=figures)


def _value(client: ServiceQuotasClient, service: str, code: str) -> float | None:
    """Return the quota as it applies to the account; what was never changed is found among AWS's defaults only."""
    missing = client.exceptions.NoSuchResourceException
    asks: tuple[Callable[..., Any], ...] = (client.get_service_quota, client.get_aws_default_service_quota)
    for ask in asks if code else ():
        try:
            return float(ask(ServiceCode=service, QuotaCode=code)["Quota"]["Value"])
        except missing:
            continue
    return None


def _request(quota: QuotaFigures) -> str:
    return (
        f"aws service-quotas request-service-quota-increase --region {quota.region} "
        f"--service-code {quota.service_code} --quota-code {quota.quota_code} --desired-value {quota.used + quota.need}"
    )
