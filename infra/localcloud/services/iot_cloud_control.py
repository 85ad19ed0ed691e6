"""AWS IoT's resources in the Cloud Control API: job templates, fleet metrics, the account's audit and when it runs."""

import re
from collections.abc import Callable, Iterable
from typing import Any

from infra.localcloud.operations import Payload
from infra.localcloud.services.cloud_control import register

TO_API = {"ExponentialRolloutRate": "exponentialRate", "RetryCriteriaList": "criteriaList"}
FROM_API = {"exponentialRate": "ExponentialRolloutRate"}
ODD_CHECKS = {"IoTPolicyPotentialMisConfigurationCheck": "IOT_POLICY_POTENTIAL_MISCONFIGURATION_CHECK"}
FROM_CHECK = {api: ours for ours, api in ODD_CHECKS.items()}


def schema(
    kind: str, identifier: str, fields: Iterable[str], *, fixed: Iterable[str], read: Iterable[str] = ()
) -> Payload:
    """A resource type as CloudFormation describes it, without the insides of its fields."""
    # Of any type: the provider reads a list of types only if it has two.
    whole: Payload = {}
    return {
        "typeName": kind,
        "description": kind,
        "additionalProperties": False,
        "properties": dict.fromkeys((*fields, *read), whole),
        "primaryIdentifier": [f"/properties/{identifier}"],
        "createOnlyProperties": [f"/properties/{field}" for field in fixed],
        "readOnlyProperties": [f"/properties/{field}" for field in read],
        "handlers": {action: {"permissions": []} for action in ("create", "read", "update", "delete", "list")},
    }


def renamed(value: Any, rename: Callable[[str], str]) -> Any:
    """`value` with every key of its dictionaries renamed, tags aside: AWS IoT writes those as CloudFormation does."""
    if isinstance(value, dict):
        return {
            rename(key): inner if key in ("Tags", "tags") else renamed(inner, rename) for key, inner in value.items()
        }
    return [renamed(inner, rename) for inner in value] if isinstance(value, list) else value


def to_api(key: str) -> str:
    """`JobTemplateId` → `jobTemplateId`."""
    return TO_API.get(key, key[:1].lower() + key[1:])


def from_api(key: str) -> str:
    """`jobTemplateId` → `JobTemplateId`."""
    return FROM_API.get(key, key[:1].upper() + key[1:])


def found(call: Callable[..., Payload], **params: Any) -> Payload | None:
    """The answer, or None where AWS says that there is no such thing."""
    from botocore.exceptions import ClientError

    try:
        answer = call(**params)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            return None
        raise
    answer.pop("ResponseMetadata", None)
    return answer


def retag(client: Any, arn: str, state: Payload) -> None:
    """Give what `arn` names the tags of its state, and no others."""
    old = [tag["Key"] for tag in client.list_tags_for_resource(resourceArn=arn)["tags"]]
    client.untag_resource(resourceArn=arn, tagKeys=old)
    client.tag_resource(resourceArn=arn, tags=state.get("Tags", []))


class JobTemplate:
    """AWS::IoT::JobTemplate: nothing of it changes after it was made."""

    service = "iot"
    fields = (
        *("JobTemplateId", "Description", "Document", "DocumentSource", "JobArn", "PresignedUrlConfig", "Tags"),
        *("AbortConfig", "TimeoutConfig", "JobExecutionsRolloutConfig", "JobExecutionsRetryConfig"),
        *("MaintenanceWindows", "DestinationPackageVersions"),
    )
    schema = schema("AWS::IoT::JobTemplate", "JobTemplateId", fields, fixed=fields, read=("Arn",))

    def create(self, state: Payload, client: Any) -> str:
        """Make the template."""
        client.create_job_template(**renamed(state, to_api))
        return str(state["JobTemplateId"])

    def read(self, identifier: str, client: Any) -> Payload | None:
        """The template without the time of its making."""
        template = found(client.describe_job_template, jobTemplateId=identifier) if identifier else None
        if template is None:
            return None
        template.pop("createdAt", None)
        arn = template.pop("jobTemplateArn")
        tags = client.list_tags_for_resource(resourceArn=arn)["tags"]
        state = {**renamed(template, from_api), "Arn": arn, "Tags": tags}
        if retries := state.get("JobExecutionsRetryConfig"):
            retries["RetryCriteriaList"] = retries.pop("CriteriaList")
        return state

    def update(self, identifier: str, state: Payload, client: Any) -> None:
        """Nothing can be updated: the schema says so."""
        raise NotImplementedError("AWS::IoT::JobTemplate is replaced, never updated")

    def delete(self, identifier: str, client: Any) -> None:
        """End the template; jobs made from it keep what they were given."""
        client.delete_job_template(jobTemplateId=identifier)


class AccountAuditConfiguration:
    """AWS::IoT::AccountAuditConfiguration: one in an account and region."""

    service = "iot"
    fields = ("AccountId", "RoleArn", "AuditCheckConfigurations", "AuditNotificationTargetConfigurations")
    schema = schema("AWS::IoT::AccountAuditConfiguration", "AccountId", fields, fixed=("AccountId",))

    def create(self, state: Payload, client: Any) -> str:
        """Switch checks on."""
        self.update(str(state["AccountId"]), state, client)
        return str(state["AccountId"])

    def read(self, identifier: str, client: Any) -> Payload | None:
        """What is switched on; nothing where there is no role."""
        answer = client.describe_account_audit_configuration()
        if "roleArn" not in answer:
            return None
        checks = {
            FROM_CHECK.get(name, name.title().replace("_", "")): {"Enabled": check["enabled"]}
            for name, check in answer["auditCheckConfigurations"].items()
        }
        return {"AccountId": identifier, "RoleArn": answer["roleArn"], "AuditCheckConfigurations": checks}

    def update(self, identifier: str, state: Payload, client: Any) -> None:
        """Switch checks on and off."""
        checks = {
            ODD_CHECKS.get(name, re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).upper()): {"enabled": check["Enabled"]}
            for name, check in state["AuditCheckConfigurations"].items()
        }
        client.update_account_audit_configuration(roleArn=state["RoleArn"], auditCheckConfigurations=checks)

    def delete(self, identifier: str, client: Any) -> None:
        """Switch all off."""
        client.delete_account_audit_configuration()


class ScheduledAudit:
    """AWS::IoT::ScheduledAudit."""

    service = "iot"
    fields = ("ScheduledAuditName", "Frequency", "DayOfMonth", "DayOfWeek", "TargetCheckNames", "Tags")
    schema = schema(
        "AWS::IoT::ScheduledAudit",
        "ScheduledAuditName",
        fields,
        fixed=("ScheduledAuditName",),
        read=("ScheduledAuditArn",),
    )

    def create(self, state: Payload, client: Any) -> str:
        """Plan the audit."""
        client.create_scheduled_audit(**renamed(state, to_api))
        return str(state["ScheduledAuditName"])

    def read(self, identifier: str, client: Any) -> Payload | None:
        """When it runs, and over what."""
        audit = found(client.describe_scheduled_audit, scheduledAuditName=identifier) if identifier else None
        if audit is None:
            return None
        tags = client.list_tags_for_resource(resourceArn=audit["scheduledAuditArn"])["tags"]
        return {**renamed(audit, from_api), "Tags": tags}

    def update(self, identifier: str, state: Payload, client: Any) -> None:
        """Plan it anew."""
        kept = {key: value for key, value in state.items() if key not in ("Tags", "ScheduledAuditArn")}
        client.update_scheduled_audit(**renamed(kept, to_api))
        retag(client, client.describe_scheduled_audit(scheduledAuditName=identifier)["scheduledAuditArn"], state)

    def delete(self, identifier: str, client: Any) -> None:
        """Plan it no more."""
        client.delete_scheduled_audit(scheduledAuditName=identifier)


class FleetMetric:
    """AWS::IoT::FleetMetric."""

    service = "iot"
    fields = (
        *("MetricName", "Description", "QueryString", "Period", "AggregationField", "AggregationType"),
        *("QueryVersion", "IndexName", "Unit", "Tags"),
    )
    schema = schema(
        "AWS::IoT::FleetMetric",
        "MetricName",
        fields,
        fixed=("MetricName",),
        read=("MetricArn", "CreationDate", "LastModifiedDate", "Version"),
    )

    def create(self, state: Payload, client: Any) -> str:
        """Begin to count."""
        client.create_fleet_metric(**renamed(state, to_api))
        return str(state["MetricName"])

    def read(self, identifier: str, client: Any) -> Payload | None:
        """What is counted."""
        metric = found(client.describe_fleet_metric, metricName=identifier) if identifier else None
        if metric is None:
            return None
        tags = client.list_tags_for_resource(resourceArn=metric["metricArn"])["tags"]
        for moment in ("creationDate", "lastModifiedDate"):
            metric[moment] = metric[moment].timestamp()
        return {**renamed(metric, from_api), "Tags": tags}

    def update(self, identifier: str, state: Payload, client: Any) -> None:
        """Count something else, and tag it anew."""
        read = ("Tags", "MetricArn", "CreationDate", "LastModifiedDate", "Version")
        kept = {key: value for key, value in state.items() if key not in read}
        client.update_fleet_metric(**{"indexName": "AWS_Things", **renamed(kept, to_api)})
        retag(client, client.describe_fleet_metric(metricName=identifier)["metricArn"], state)

    def delete(self, identifier: str, client: Any) -> None:
        """Count no more."""
        client.delete_fleet_metric(metricName=identifier)


for handler in (JobTemplate(), AccountAuditConfiguration(), ScheduledAudit(), FleetMetric()):
    register(handler)
