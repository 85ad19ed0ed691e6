"""The role that a SageMaker Pipeline runs as: it starts jobs and enters candidates, and can sign nothing."""

from infra.naming import Names
from infra.role import Role, Statement
from infra.toolkit import Construct


class PipelineRole(Construct):
    """A role of pipelines whose jobs run as the role `trains_as_arn`."""

    def __init__(self, scope: Construct, id: str, *, names: Names, trains_as_arn: str) -> None:
        super().__init__(scope, id)
        here = f"arn:aws:sagemaker:{names.region}:{names.account_id}"
        # So SageMaker calls the jobs of pipelines.
        jobs = (f"{here}:training-job/pipelines-*",)
        versions = tuple(f"{here}:{kind}/{names.regional('')}*" for kind in ("model-package", "model-package-group"))
        to_sagemaker = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
        control = ("sagemaker:DescribeTrainingJob", "sagemaker:StopTrainingJob", "sagemaker:AddTags")
        role = Role(
            self,
            "execution",
            name=names.role("pipelines"),
            service="sagemaker.amazonaws.com",
            for_account=names.account_id,
            statements=(
                Statement(("sagemaker:CreateTrainingJob", *control), jobs),
                Statement(("iam:PassRole",), (trains_as_arn,), condition=to_sagemaker),
                Statement(("sagemaker:CreateModelPackage", "sagemaker:DescribeModelPackage"), versions),
            ),
        )
        self.arn: str = role.arn
