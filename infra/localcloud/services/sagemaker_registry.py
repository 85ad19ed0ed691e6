"""The SageMaker model registry: groups, and versions in them that never change but for their approval.

Answered whole, for moto gives the number of a deleted version to the next one and cannot delete groups.
"""

import re
from datetime import UTC, datetime

from infra.localcloud.operations import AwsError, Context, Payload, operation
from infra.localcloud.tags import from_pairs, tags_of, to_pairs, untag

APPROVALS = ("Approved", "Rejected", "PendingManualApproval")
OURS = re.compile(r":model-package(-group)?/")
SUMMARY_FIELDS = (
    *("ModelPackageName", "ModelPackageGroupName", "ModelPackageVersion", "ModelPackageArn", "CreationTime"),
    *("ModelPackageDescription", "ModelPackageStatus", "ModelApprovalStatus"),
)


@operation("sagemaker", "CreateModelPackageGroup")
def create_group(params: Payload, context: Context) -> Payload:
    """An empty group."""
    name = params["ModelPackageGroupName"]
    arn = context.arn(f"model-package-group/{name}")
    group = {**params, "ModelPackageGroupArn": arn, "CreationTime": datetime.now(UTC), "CreatedBy": {}}
    group["ModelPackageGroupStatus"] = "Completed"
    if context.resources("ModelPackageGroup").setdefault(name, group) is not group:
        raise _invalid(f"Model Package Group already exists: {arn}")
    tags_of(context, arn).update(from_pairs(params.get("Tags")))
    return {"ModelPackageGroupArn": arn}


@operation("sagemaker", "DescribeModelPackageGroup")
def describe_group(params: Payload, context: Context) -> Payload:
    """One group."""
    return _group(params, context)


@operation("sagemaker", "ListModelPackageGroups")
def list_groups(params: Payload, context: Context) -> Payload:
    """All groups, or those with `NameContains` in the name."""
    part = params.get("NameContains", "")
    groups = [group for name, group in context.resources("ModelPackageGroup").items() if part in name]
    return {"ModelPackageGroupSummaryList": _sorted(groups, "ModelPackageGroupName", params)}


@operation("sagemaker", "DeleteModelPackageGroup")
def delete_group(params: Payload, context: Context) -> Payload:
    """An empty group goes; one with versions stays."""
    group = _group(params, context)
    if _versions(group["ModelPackageGroupName"], context):
        raise AwsError("ConflictException", f"Model Package Group {group['ModelPackageGroupArn']} has Model Packages.")
    context.resources("ModelPackageGroup").pop(group["ModelPackageGroupName"], None)
    context.notes("GroupPolicy").pop(group["ModelPackageGroupName"], None)
    context.notes("Tags").pop(group["ModelPackageGroupArn"], None)
    return {}


@operation("sagemaker", "PutModelPackageGroupPolicy")
def put_group_policy(params: Payload, context: Context) -> Payload:
    """Who else may read the group."""
    group = _group(params, context)
    context.notes("GroupPolicy")[group["ModelPackageGroupName"]] = {"ResourcePolicy": params["ResourcePolicy"]}
    return {"ModelPackageGroupArn": group["ModelPackageGroupArn"]}


@operation("sagemaker", "GetModelPackageGroupPolicy")
def get_group_policy(params: Payload, context: Context) -> Payload:
    """The group's policy."""
    name = _group(params, context)["ModelPackageGroupName"]
    if name not in context.notes("GroupPolicy"):
        raise _invalid(f"Cannot find resource policy for: {name}")
    return context.notes("GroupPolicy")[name]


@operation("sagemaker", "DeleteModelPackageGroupPolicy")
def delete_group_policy(params: Payload, context: Context) -> Payload:
    """Nobody else may read the group."""
    context.notes("GroupPolicy").pop(_group(params, context)["ModelPackageGroupName"], None)
    return {}


@operation("sagemaker", "CreateModelPackage")
def create_package(params: Payload, context: Context) -> Payload:
    """The next version in a group, or a package that has a name of its own."""
    if ("ModelPackageGroupName" in params) == ("ModelPackageName" in params):
        raise _invalid("Give either ModelPackageGroupName or ModelPackageName.")
    package = {**params, "CreationTime": datetime.now(UTC), "CreatedBy": {}, "ModelPackageStatus": "Completed"}
    package["ModelPackageStatusDetails"] = {"ValidationStatuses": [], "ImageScanStatuses": []}
    if "ModelPackageGroupName" in params:
        package.update(_next_version(_group(params, context), context))
        package["ModelApprovalStatus"] = _approval(params.get("ModelApprovalStatus", "PendingManualApproval"))
        arn = context.arn(f"model-package/{package['ModelPackageGroupName']}/{package['ModelPackageVersion']}")
    else:
        arn = context.arn(f"model-package/{params['ModelPackageName']}")
    package["ModelPackageArn"] = arn
    if context.resources("ModelPackage").setdefault(arn, package) is not package:
        raise AwsError("ConflictException", f"Model Package already exists: {arn}")
    tags_of(context, arn).update(from_pairs(params.get("Tags")))
    return {"ModelPackageArn": arn}


@operation("sagemaker", "DescribeModelPackage")
def describe_package(params: Payload, context: Context) -> Payload:
    """One version, by ARN or name."""
    package = _package(params["ModelPackageName"], context)
    return {"ModelPackageName": package["ModelPackageArn"].split("/", 1)[1], **package}


@operation("sagemaker", "ListModelPackages")
def list_packages(params: Payload, context: Context) -> Payload:
    """Versions of a group, or unversioned packages; by approval, newest first when asked so."""
    if group := params.get("ModelPackageGroupName"):
        found = _versions(group.rsplit("/", 1)[-1], context)
    else:
        kind = params.get("ModelPackageType", "Unversioned")
        wanted = {"Versioned": (True,), "Unversioned": (False,), "Both": (True, False)}[kind]
        packages = context.resources("ModelPackage").values()
        found = [package for package in packages if ("ModelPackageVersion" in package) in wanted]
    status = params.get("ModelApprovalStatus")
    chosen = [package for package in found if status in (None, package.get("ModelApprovalStatus"))]
    summaries = [{name: package[name] for name in SUMMARY_FIELDS if name in package} for package in chosen]
    return {"ModelPackageSummaryList": _sorted(summaries, "ModelPackageArn", params)}


@operation("sagemaker", "UpdateModelPackage")
def update_package(params: Payload, context: Context) -> Payload:
    """Approve or reject a version, or amend its metadata. What it consists of never changes."""
    package = _package(params["ModelPackageArn"], context)
    if "ModelApprovalStatus" in params:
        _approval(params["ModelApprovalStatus"])
    removed = set(params.get("CustomerMetadataPropertiesToRemove", ()))
    metadata = {**package.get("CustomerMetadataProperties", {}), **params.get("CustomerMetadataProperties", {})}
    changes: Payload = {name: params[name] for name in ("ModelApprovalStatus", "ApprovalDescription") if name in params}
    changes["CustomerMetadataProperties"] = {name: value for name, value in metadata.items() if name not in removed}
    specifications = [
        *package.get("AdditionalInferenceSpecifications", ()),
        *params.get("AdditionalInferenceSpecificationsToAdd", ()),
    ]
    if specifications:
        changes["AdditionalInferenceSpecifications"] = specifications
    package.update(changes, LastModifiedTime=datetime.now(UTC))
    return {"ModelPackageArn": package["ModelPackageArn"]}


@operation("sagemaker", "DeleteModelPackage")
def delete_package(params: Payload, context: Context) -> Payload:
    """The version goes; its number is not given again."""
    arn = _package(params["ModelPackageName"], context)["ModelPackageArn"]
    context.resources("ModelPackage").pop(arn, None)
    context.notes("Tags").pop(arn, None)
    return {}


@operation("sagemaker", "ListTags")
def list_tags(params: Payload, context: Context) -> Payload:
    """Tags of groups and versions; moto has those of everything else."""
    if not OURS.search(params["ResourceArn"]):
        return context.forward(None)
    return {"Tags": to_pairs(tags_of(context, params["ResourceArn"]))}


@operation("sagemaker", "AddTags")
def add_tags(params: Payload, context: Context) -> Payload:
    """Add or change tags."""
    if not OURS.search(params["ResourceArn"]):
        return context.forward(None)
    tags_of(context, params["ResourceArn"]).update(from_pairs(params["Tags"]))
    return list_tags(params, context)


@operation("sagemaker", "DeleteTags")
def delete_tags(params: Payload, context: Context) -> Payload:
    """Remove tags."""
    if not OURS.search(params["ResourceArn"]):
        return context.forward(None)
    untag(tags_of(context, params["ResourceArn"]), params["TagKeys"])
    return {}


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationException", message)


def _approval(status: str) -> str:
    if status not in APPROVALS:
        raise _invalid(f"ModelApprovalStatus '{status}' is not one of {', '.join(APPROVALS)}.")
    return status


def _group(params: Payload, context: Context) -> Payload:
    name = params["ModelPackageGroupName"].rsplit("/", 1)[-1]
    group = context.resources("ModelPackageGroup").get(name)
    if group is None:
        raise _invalid(f"ModelPackageGroup {context.arn(f'model-package-group/{name}')} does not exist.")
    return group


def _package(name: str, context: Context) -> Payload:
    arn = name if name.startswith("arn:") else context.arn(f"model-package/{name}")
    package = context.resources("ModelPackage").get(arn)
    if package is None:
        raise _invalid(f"ModelPackage {arn} does not exist.")
    return package


def _versions(group: str, context: Context) -> list[Payload]:
    packages = list(context.resources("ModelPackage").values())
    return [package for package in packages if package.get("ModelPackageGroupName") == group]


def _next_version(group: Payload, context: Context) -> Payload:
    with context.cloud.lock:
        group["_versions"] = number = group.get("_versions", 0) + 1
    return {"ModelPackageGroupName": group["ModelPackageGroupName"], "ModelPackageVersion": number}


def _sorted(items: list[Payload], name: str, params: Payload) -> list[Payload]:
    field = name if params.get("SortBy") == "Name" else "CreationTime"
    ordered = sorted(items, key=lambda item: item[field], reverse=params.get("SortOrder") == "Descending")
    return ordered[: params.get("MaxResults", len(ordered))]
