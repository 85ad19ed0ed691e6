"""An ECR repository: a tag means one image for ever, and each image is scanned."""

import json

from cdktf import TerraformResourceLifecycle
from cdktf_cdktf_provider_aws.ecr_lifecycle_policy import EcrLifecyclePolicy
from cdktf_cdktf_provider_aws.ecr_repository import (
    EcrRepository,
    EcrRepositoryEncryptionConfiguration,
    EcrRepositoryImageScanningConfiguration,
)

from infra.toolkit import Construct

_KEEP_UNTAGGED_DAYS = 14


class ImageRepository(Construct):
    """The images that jobs and endpoints run."""

    def __init__(self, scope: Construct, id: str, *, name: str, key_arn: str, guarded: bool) -> None:
        super().__init__(scope, id)
        repository = EcrRepository(
            self,
            "repository",
            name=name,
            image_tag_mutability="IMMUTABLE",
            force_delete=not guarded,
            encryption_configuration=[EcrRepositoryEncryptionConfiguration(encryption_type="KMS", kms_key=key_arn)],
            image_scanning_configuration=EcrRepositoryImageScanningConfiguration(scan_on_push=True),
            lifecycle=TerraformResourceLifecycle(prevent_destroy=guarded),
        )
        expire = {
            "rulePriority": 1,
            "description": "What no tag points to is a build that was replaced",
            "selection": {
                "tagStatus": "untagged",
                "countType": "sinceImagePushed",
                "countUnit": "days",
                "countNumber": _KEEP_UNTAGGED_DAYS,
            },
            "action": {"type": "expire"},
        }
        EcrLifecyclePolicy(self, "lifecycle_policy", repository=repository.name, policy=json.dumps({"rules": [expire]}))
        self.url: str = repository.repository_url
        self.arn: str = repository.arn
