"""Model packages: every version of a model that could be released, its figures, and who approved it."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ci import semantic_version
from ci.kms_signer import KmsSigner
from ci.result import Result
from ci.semantic_version import Origin
from ci.site import Site
from infra.spec.contract import ServingContract

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient

Status = Literal["Approved", "Rejected", "PendingManualApproval"]


@dataclass(frozen=True)
class Package:
    """A version of a model in one region's registry."""

    arn: str
    version: str
    bundle: str
    public_key_pem: str
    semantic_version: str = ""
    # It was registered by this very call; what was found lay where others can write.
    is_new: bool = False


class RegisteredVersion(Result):
    """What a region's registry says of a version; `version` names the content, `semantic_version` what changed."""

    model: str
    version: str
    semantic_version: str
    status: Status
    # Who approved or rejected it, and why.
    decision: str
    accuracy: float
    job: str
    created: str
    region: str
    number: int
    arn: str
    bundle: str
    origin: Origin


def register(
    site: Site, region: str, contract: ServingContract, content: Path, *, job: str, number: str | None = None
) -> Package:
    """Sign what an optimization job left in `content`, upload it, and enter it in the registry, awaiting approval.

    The version names the content: what is registered already stays as it was signed and approved. `number` is its
    semantic version, where another region has given it one.
    """
    from ml.release import bundle

    s3: S3Client = site.client("s3", region)
    signer = KmsSigner(site.client("kms", region), contract.signing_key_arn)
    archive = content.parent / f"{content.name}.bundle.tar.gz"
    manifest = bundle.pack(content, signer, archive)
    folder = f"bundles/{contract.model}/{manifest.version}"
    uri = f"s3://{contract.artifact_bucket}/{folder}"
    known = versions(site, region, contract)
    found = next((one for one in known if one.version == manifest.version), None)
    if found is None:
        new = semantic_version.origin(content)
        number = number or _number(known, new)
        s3.upload_file(str(archive), contract.artifact_bucket, f"{folder}/model.tar.gz")
        s3.upload_file(str(content / "report.json"), contract.artifact_bucket, f"{folder}/report.json")
        facts = {
            "version": manifest.version,
            "semantic_version": number,
            "job": job,
            **asdict(new),
            **_figures(content),
        }
        arn = _create(site.client("sagemaker", region), contract, uri, facts)
    else:
        arn, number = found.arn, found.semantic_version
    archive.unlink()
    return Package(arn, manifest.version, f"{uri}/model.tar.gz", signer.public_key_pem(), number, found is None)


def versions(site: Site, region: str, contract: ServingContract) -> list[RegisteredVersion]:
    """Return the versions of a contract's model in one region, the newest first."""
    sagemaker: SageMakerClient = site.client("sagemaker", region)
    pages = sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=contract.model_package_group, SortBy="CreationTime", SortOrder="Descending"
    )
    arns = [summary["ModelPackageArn"] for page in pages for summary in page["ModelPackageSummaryList"]]
    described: list[Any] = [sagemaker.describe_model_package(ModelPackageName=arn) for arn in arns]
    # Others are candidates of a pipeline, which nobody has signed.
    found = [_version(contract.model, region, one) for one in described if "semantic_version" in _facts(one)]
    return sorted(found, key=lambda version: version.number, reverse=True)


def decide(site: Site, version: RegisteredVersion, status: Status, why: str) -> None:
    """Approve or reject a version in its region."""
    sagemaker: SageMakerClient = site.client("sagemaker", version.region)
    sagemaker.update_model_package(
        ModelPackageArn=version.arn, ModelApprovalStatus=status, ApprovalDescription=why[:1024]
    )


def _number(known: list[RegisteredVersion], new: Origin) -> str:
    approved = next((one for one in known if one.status == "Approved"), None)
    last = (approved.semantic_version, approved.origin) if approved else None
    return semantic_version.following(last, new, {one.semantic_version for one in known})


def _facts(package: Any) -> dict[str, str]:
    facts: dict[str, str] = package.get("CustomerMetadataProperties", {})
    return facts


def _version(model: str, region: str, package: Any) -> RegisteredVersion:
    facts = _facts(package)
    return RegisteredVersion(
        model=model,
        version=facts["version"],
        semantic_version=facts["semantic_version"],
        status=package["ModelApprovalStatus"],
        decision=package.get("ApprovalDescription", ""),
        accuracy=float(facts["accuracy"]),
        job=facts["job"],
        created=package["CreationTime"].isoformat(timespec="seconds"),
        region=region,
        number=package["ModelPackageVersion"],
        arn=package["ModelPackageArn"],
        bundle=package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"],
        origin=Origin(**{name: facts[name] for name in ("schema", "data", "recipe", "code")}),
    )


def _figures(content: Path) -> dict[str, str]:
    report: dict[str, Any] = json.loads((content / "report.json").read_text())
    return {
        "accuracy": f"{report['accuracy']:.4f}",
        "baseline_accuracy": f"{report['baseline_accuracy']:.4f}",
        "parity_max_abs_diff": f"{report['parity']['max_abs_diff']:.3g}",
    }


def _create(sagemaker: "SageMakerClient", contract: ServingContract, uri: str, facts: dict[str, str]) -> str:
    named = f"{contract.model} {facts['semantic_version']} ({facts['version']})"
    answer = sagemaker.create_model_package(
        ModelPackageGroupName=contract.model_package_group,
        ModelPackageDescription=f"{named}, from {facts['job']}",
        ModelApprovalStatus="PendingManualApproval",
        InferenceSpecification={
            "Containers": [{"Image": contract.image_uri, "ModelDataUrl": f"{uri}/model.tar.gz"}],
            "SupportedContentTypes": ["application/json"],
            "SupportedResponseMIMETypes": ["application/json"],
        },
        ModelMetrics={
            "ModelQuality": {"Statistics": {"ContentType": "application/json", "S3Uri": f"{uri}/report.json"}}
        },
        CustomerMetadataProperties=facts,
    )
    return answer["ModelPackageArn"]
