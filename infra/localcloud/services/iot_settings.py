"""AWS IoT: what an account has once in a region: logging, announced events, the audit of Device Defender."""

from typing import Any
from urllib.parse import urlsplit

from infra.localcloud.operations import AwsError, Context, Payload, operation
from infra.localcloud.services.iot_tags import forget_tags, keep_tags

EVENT_TYPES = (
    *("THING", "THING_GROUP", "THING_TYPE", "THING_GROUP_MEMBERSHIP", "THING_GROUP_HIERARCHY"),
    *("THING_TYPE_ASSOCIATION", "JOB", "JOB_EXECUTION", "POLICY", "CERTIFICATE", "CA_CERTIFICATE"),
)


def settings(context: Context, name: str) -> Payload:
    """One of the account's settings, to read and to change in place. No resource: AWS has each from the beginning."""
    return context.notes("Settings").setdefault(name, {})


@operation("iot", "SetV2LoggingOptions")
def set_logging(params: Payload, context: Context) -> Payload:
    """Who writes the log, and how much."""
    settings(context, "logging").update({"disableAllLogs": False, **params})
    return {}


@operation("iot", "GetV2LoggingOptions")
def get_logging(params: Payload, context: Context) -> Payload:
    """Read it back; an account that never said has an error, as on AWS."""
    if not settings(context, "logging"):
        raise AwsError("NotConfiguredException", "The resource is not configured.", 404)
    return settings(context, "logging")


@operation("iot", "UpdateEventConfigurations")
def update_events(params: Payload, context: Context) -> Payload:
    """Which changes are published."""
    settings(context, "events").update(params["eventConfigurations"])
    return {}


@operation("iot", "DescribeEventConfigurations")
def describe_events(params: Payload, context: Context) -> Payload:
    """All kinds of event, those that nobody asked for switched off."""
    known: dict[str, Any] = {kind: {"Enabled": False} for kind in EVENT_TYPES} | settings(context, "events")
    return {"eventConfigurations": known}


@operation("iot", "UpdateAccountAuditConfiguration")
def update_audit(params: Payload, context: Context) -> Payload:
    """What Device Defender looks for."""
    audit = context.resources("AuditConfiguration").setdefault(context.account, {"auditCheckConfigurations": {}})
    checks = audit["auditCheckConfigurations"] | params.get("auditCheckConfigurations", {})
    audit.update({**params, "auditCheckConfigurations": checks})
    return {}


@operation("iot", "DescribeAccountAuditConfiguration")
def describe_audit(params: Payload, context: Context) -> Payload:
    """Read it back; empty where there is none."""
    return context.resources("AuditConfiguration").get(context.account, {"auditCheckConfigurations": {}})


@operation("iot", "DeleteAccountAuditConfiguration")
def delete_audit(params: Payload, context: Context) -> Payload:
    """Look for nothing; refused while an audit is planned."""
    if context.resources("ScheduledAudit") and not params.get("deleteScheduledAudits"):
        raise AwsError("InvalidRequestException", "Delete the scheduled audits first.")
    context.resources("AuditConfiguration").pop(context.account, None)
    return {}


@operation("iot", "CreateScheduledAudit")
def create_scheduled_audit(params: Payload, context: Context) -> Payload:
    """Plan an audit of checks that are switched on."""
    name = params["scheduledAuditName"]
    _check_names(params["targetCheckNames"], context)
    arn = context.arn(f"scheduledaudit/{name}")
    audit = {key: value for key, value in params.items() if key != "tags"} | {"scheduledAuditArn": arn}
    if context.resources("ScheduledAudit").setdefault(name, audit) is not audit:
        raise AwsError("ResourceAlreadyExistsException", f"Scheduled audit {name} already exists.", 409)
    keep_tags(context, arn, params.get("tags"))
    return {"scheduledAuditArn": arn}


@operation("iot", "DescribeScheduledAudit")
def describe_scheduled_audit(params: Payload, context: Context) -> Payload:
    """One planned audit."""
    return _scheduled(params, context)


@operation("iot", "UpdateScheduledAudit")
def update_scheduled_audit(params: Payload, context: Context) -> Payload:
    """Plan it anew."""
    audit = _scheduled(params, context)
    _check_names(params.get("targetCheckNames", ()), context)
    audit.update(params)
    return {"scheduledAuditArn": audit["scheduledAuditArn"]}


@operation("iot", "DeleteScheduledAudit")
def delete_scheduled_audit(params: Payload, context: Context) -> Payload:
    """Plan it no more."""
    audit = _scheduled(params, context)
    context.resources("ScheduledAudit").pop(params["scheduledAuditName"], None)
    forget_tags(context, audit["scheduledAuditArn"])
    return {}


def _scheduled(params: Payload, context: Context) -> Payload:
    audit = context.resources("ScheduledAudit").get(params["scheduledAuditName"])
    if audit is None:
        raise AwsError("ResourceNotFoundException", f"No scheduled audit {params['scheduledAuditName']}.", 404)
    return audit


def _check_names(names: Any, context: Context) -> None:
    enabled = describe_audit({}, context)["auditCheckConfigurations"]
    for name in names:
        if not enabled.get(name, {}).get("enabled"):
            raise AwsError("InvalidRequestException", f"The check {name} is not enabled for this account.")


@operation("iot", "DescribeEndpoint")
def describe_endpoint(params: Payload, context: Context) -> Payload:
    """Where devices go: this very cloud, for messages, jobs and credentials alike."""
    return {"endpointAddress": urlsplit(context.cloud.url).netloc}
