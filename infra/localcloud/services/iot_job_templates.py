"""AWS IoT job templates, read back as they were made."""

import json
from datetime import UTC, datetime

from infra.localcloud.operations import AwsError, Context, Payload, operation
from infra.localcloud.services.iot_tags import forget_tags, keep_tags

SUMMARY = ("jobTemplateArn", "jobTemplateId", "description", "createdAt")


@operation("iot", "CreateJobTemplate")
def create_template(params: Payload, context: Context) -> Payload:
    """A template; its document must be JSON."""
    name = params["jobTemplateId"]
    arn = context.arn(f"jobtemplate/{name}")
    try:
        json.loads(params.get("document", "{}"))
    except ValueError as error:
        raise AwsError("InvalidRequestException", f"The job document is no JSON: {error}") from error
    kept = {key: value for key, value in params.items() if key not in ("tags", "jobArn")}
    template = {**kept, "jobTemplateArn": arn, "createdAt": datetime.now(UTC)}
    if context.resources("JobTemplate").setdefault(name, template) is not template:
        raise AwsError("ConflictException", f"Job template {name} already exists.", 409)
    keep_tags(context, arn, params.get("tags"))
    return {"jobTemplateArn": arn, "jobTemplateId": name}


@operation("iot", "DescribeJobTemplate")
def describe_template(params: Payload, context: Context) -> Payload:
    """One template."""
    return find_template(params["jobTemplateId"], context)


@operation("iot", "ListJobTemplates")
def list_templates(params: Payload, context: Context) -> Payload:
    """All templates."""
    found = sorted(context.resources("JobTemplate").values(), key=lambda one: str(one["jobTemplateId"]))
    return {"jobTemplates": [{key: one[key] for key in SUMMARY} for one in found]}


@operation("iot", "DeleteJobTemplate")
def delete_template(params: Payload, context: Context) -> Payload:
    """The template goes; jobs made from it stay."""
    arn = find_template(params["jobTemplateId"], context)["jobTemplateArn"]
    context.resources("JobTemplate").pop(params["jobTemplateId"], None)
    forget_tags(context, arn)
    return {}


def find_template(name: str, context: Context) -> Payload:
    """A template by its id; ResourceNotFoundException when there is none."""
    template = context.resources("JobTemplate").get(name)
    if template is None:
        raise AwsError("ResourceNotFoundException", f"Job template {name} not found.", 404)
    return template
