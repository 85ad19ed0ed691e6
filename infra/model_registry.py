"""Where versions of a model are registered and approved."""

from collections.abc import Sequence

from cdktf_cdktf_provider_aws.sagemaker_model_package_group import SagemakerModelPackageGroup

from infra.naming import Names
from infra.toolkit import Construct


class ModelRegistry(Construct):
    """A SageMaker model package group for each model."""

    def __init__(self, scope: Construct, id: str, *, models: Sequence[str], names: Names) -> None:
        super().__init__(scope, id)
        self.groups: dict[str, str] = {}
        for model in models:
            group = SagemakerModelPackageGroup(
                self,
                model,
                model_package_group_name=names.regional(model),
                model_package_group_description=f"Versions of the model {model}",
                tags={"model": model},
            )
            self.groups[model] = group.model_package_group_name
