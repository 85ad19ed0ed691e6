"""Model packages: every version of a model that could be released, its figures, and who approved it."""

import getpass
import json
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ci.kms_signer import KmsSigner
from ci.site import Site
from infra.spec.contract import ServingContract

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient


@dataclass(frozen=True)
class Package:
    """A version of a model in one region's registry."""

    arn: str
    version: str
    bundle: str
    public_key_pem: str


def register(site: Site, region: str, contract: ServingContract, content: Path, *, job: str) -> Package:
    """Sign what an optimization job left in `content`, upload it, and enter it in the registry, awaiting approval.

    The version names the content: what is registered already stays as it was signed and approved.
    """
    from ml.release import bundle

    s3: S3Client = site.client("s3", region)
    signer = KmsSigner(site.client("kms", region), contract.signing_key_arn)
    archive = content.parent / f"{content.name}.bundle.tar.gz"
    manifest = bundle.pack(content, signer, archive)
    folder = f"bundles/{contract.model}/{manifest.version}"
    uri = f"s3://{contract.artifact_bucket}/{folder}"
    sagemaker: SageMakerClient = site.client("sagemaker", region)
    arn = _find(sagemaker, contract.model_package_group, manifest.version)
    if arn is None:
        s3.upload_file(str(archive), contract.artifact_bucket, f"{folder}/model.tar.gz")
        s3.upload_file(str(content / "report.json"), contract.artifact_bucket, f"{folder}/report.json")
        arn = _create(sagemaker, contract, uri, manifest.version, content, job)
    archive.unlink()
    return Package(arn, manifest.version, f"{uri}/model.tar.gz", signer.public_key_pem())


def approve(site: Site, region: str, package: Package) -> None:
    """Approve a package in the name of whoever runs this command; one that is approved stays as it is."""
    sagemaker: SageMakerClient = site.client("sagemaker", region)
    known = sagemaker.describe_model_package(ModelPackageName=package.arn)
    if known["ModelApprovalStatus"] != "Approved":
        who = f"{getpass.getuser()}@{socket.gethostname()}"
        sagemaker.update_model_package(
            ModelPackageArn=package.arn,
            ModelApprovalStatus="Approved",
            ApprovalDescription=f"by {who} with groundplan release",
        )


def is_approved(site: Site, region: str, package: Package) -> bool:
    """Tell whether somebody has approved the package."""
    sagemaker: SageMakerClient = site.client("sagemaker", region)
    return sagemaker.describe_model_package(ModelPackageName=package.arn)["ModelApprovalStatus"] == "Approved"


def _find(sagemaker: "SageMakerClient", group: str, version: str) -> str | None:
    for page in sagemaker.get_paginator("list_model_packages").paginate(ModelPackageGroupName=group):
        for summary in page["ModelPackageSummaryList"]:
            known = sagemaker.describe_model_package(ModelPackageName=summary["ModelPackageArn"])
            if known.get("CustomerMetadataProperties", {}).get("version") == version:
                return summary["ModelPackageArn"]
    return None


def _create(
    sagemaker: "SageMakerClient", contract: ServingContract, uri: str, version: str, content: Path, job: str
) -> str:
    report: dict[str, Any] = json.loads((content / "report.json").read_text())
    facts = {
        "version": version,
        "job": job,
        "accuracy": f"{report['accuracy']:.4f}",
        "baseline_accuracy": f"{report['baseline_accuracy']:.4f}",
        "parity_max_abs_diff": f"{report['parity']['max_abs_diff']:.3g}",
    }
    answer = sagemaker.create_model_package(
        ModelPackageGroupName=contract.model_package_group,
        ModelPackageDescription=f"{contract.model} {version}, from {job}",
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
