"""Service Quotas: AWS's defaults, what the account has been granted, and more for the asking."""

import csv
import hashlib
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from moto.servicequotas.resources.default_quotas.vpc import VPC_DEFAULT_QUOTAS

from infra.localcloud.operations import AwsError, Context, Payload, operation
from infra.spec.instance_types import instance_types

_TABLE = Path(__file__).parents[1] / "quotas.csv"
_NAMES = {
    "ec2": "Amazon Elastic Compute Cloud (Amazon EC2)",
    "firehose": "Amazon Kinesis Data Firehose",
    "iotcore": "AWS IoT Core",
    "sagemaker": "Amazon SageMaker",
}
# Of machines that the table does not name.
_MACHINES = {"Default": 0.0, "Granted": 20.0}
_PAGE = 100


@operation("service-quotas", "GetServiceQuota")
def get_service_quota(params: Payload, context: Context) -> Payload:
    """The quota as it applies to this account."""
    return {"Quota": _shown(_find(params), context, applied=True)}


@operation("service-quotas", "GetAWSDefaultServiceQuota")
def get_aws_default_service_quota(params: Payload, context: Context) -> Payload:
    """The quota as AWS gives it to a new account."""
    return {"Quota": _shown(_find(params), context, applied=False)}


@operation("service-quotas", "ListServiceQuotas")
def list_service_quotas(params: Payload, context: Context) -> Payload:
    """All quotas of a service as they apply to this account."""
    return _page(params, context, applied=True)


@operation("service-quotas", "ListAWSDefaultServiceQuotas")
def list_aws_default_service_quotas(params: Payload, context: Context) -> Payload:
    """All quotas of a service as AWS gives them to a new account."""
    return _page(params, context, applied=False)


@operation("service-quotas", "RequestServiceQuotaIncrease")
def request_service_quota_increase(params: Payload, context: Context) -> Payload:
    """Grant more, at once: AWS takes from minutes to days and may refuse."""
    quota = _find(params)
    shown = _shown(quota, context, applied=True)
    if params["DesiredValue"] <= shown["Value"]:
        raise AwsError(
            "IllegalArgumentException", f"You must provide a quota value greater than {shown['Value']:g}.", 400
        )
    now = datetime.now(UTC)
    request = {
        "Id": uuid.uuid4().hex,
        "Status": "CASE_CLOSED",
        "Created": now,
        "LastUpdated": now,
        "DesiredValue": params["DesiredValue"],
        "Requester": f"arn:aws:iam::{context.account}:root",
        **{key: shown[key] for key in ("ServiceCode", "ServiceName", "QuotaCode", "QuotaName", "QuotaArn", "Unit")},
        "GlobalQuota": False,
    }
    context.notes("Granted")[quota["QuotaCode"]] = {"Value": params["DesiredValue"]}
    context.notes("Requested")[request["Id"]] = request
    return {"RequestedQuota": request}


@operation("service-quotas", "ListRequestedServiceQuotaChangeHistoryByQuota")
def list_requested_changes(params: Payload, context: Context) -> Payload:
    """What was asked for of one quota."""
    wanted = (params["ServiceCode"], params["QuotaCode"])
    asked = context.notes("Requested").values()
    return {"RequestedQuotas": [one for one in asked if (one["ServiceCode"], one["QuotaCode"]) == wanted]}


@cache
def _quotas() -> dict[tuple[str, str], Payload]:
    """Every quota by its service and code: Default and Granted beside what AWS shows."""
    lines = [line for line in _TABLE.read_text().splitlines() if not line.startswith("#")]
    known = [_quota(row["service_code"], row["quota_code"], row["name"], row) for row in csv.DictReader(lines)]
    names = {quota["QuotaName"] for quota in known}
    others = [_quota("sagemaker", _code(name), name, {}) for name in _machine_names() if name not in names]
    networks = [{**quota, "Default": quota["Value"], "Granted": quota["Value"]} for quota in VPC_DEFAULT_QUOTAS]
    return {(quota["ServiceCode"], quota["QuotaCode"]): quota for quota in (*known, *others, *networks)}


def _quota(service: str, code: str, name: str, row: Payload) -> Payload:
    default = float(row.get("default", _MACHINES["Default"]))
    granted = float(row.get("granted") or default) if row else _MACHINES["Granted"]
    return {
        "ServiceCode": service,
        "ServiceName": _NAMES[service],
        "QuotaCode": code,
        "QuotaName": name,
        "Unit": "None",
        "Adjustable": True,
        "GlobalQuota": False,
        "Default": default,
        "Granted": granted,
    }


def _machine_names() -> Iterator[str]:
    for name in instance_types():
        for usage in ("endpoint", "spot training job", "training job"):
            yield f"ml.{name} for {usage} usage"


def _code(name: str) -> str:
    """A code of AWS's form for a quota whose own is not known here."""
    return f"L-{hashlib.sha256(name.encode()).hexdigest()[:8].upper()}"


def _find(params: Payload) -> Payload:
    quota = _quotas().get((params["ServiceCode"], params["QuotaCode"]))
    if quota is None:
        raise AwsError("NoSuchResourceException", "The request failed because the specified quota does not exist.", 400)
    return quota


def _shown(quota: Payload, context: Context, *, applied: bool) -> Payload:
    value = quota["Default"]
    if applied:
        value = context.notes("Granted").get(quota["QuotaCode"], {"Value": quota["Granted"]})["Value"]
    service, code = quota["ServiceCode"], quota["QuotaCode"]
    account = context.account if applied else ""
    shown = {key: held for key, held in quota.items() if key not in ("Default", "Granted")}
    arn = f"arn:aws:servicequotas:{context.region}:{account}:{service}/{code}"
    return {**shown, "QuotaArn": arn, "Value": float(value)}


def _page(params: Payload, context: Context, *, applied: bool) -> Payload:
    quotas = [quota for (service, _), quota in sorted(_quotas().items()) if service == params["ServiceCode"]]
    if not quotas:
        raise AwsError(
            "NoSuchResourceException", "The request failed because the specified service does not exist.", 400
        )
    start, most = int(params.get("NextToken", 0)), params.get("MaxResults", _PAGE)
    answer: Payload = {"Quotas": [_shown(quota, context, applied=applied) for quota in quotas[start : start + most]]}
    if start + most < len(quotas):
        answer["NextToken"] = str(start + most)
    return answer
