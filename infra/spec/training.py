"""The word for SageMaker training jobs."""

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from infra.spec.base import Spec
from infra.spec.errors import Problem, nearest
from infra.spec.gpu_need import ADD_TYPE
from infra.spec.instance_types import instance_types
from infra.spec.quotas import QuotaNeed, sagemaker


class TrainingSpec(Spec):
    """What a SageMaker training job gets when its recipe asks for nothing else."""

    title: ClassVar[str] = "training"

    instance_type: str = Field(default="ml.m5.large", description="'ml.' and an EC2 type")
    volume_gb: int = Field(default=30, ge=1, description="1 or more")
    max_runtime_seconds: int = Field(default=4 * 3600, ge=60, le=28 * 86400, description="60 seconds to 28 days")
    spot: bool = Field(default=True, description="True (cheaper; jobs resume from their checkpoint) or False")

    @property
    def quota_needs(self) -> tuple[QuotaNeed, ...]:
        """One job on one machine; recipes that ask for more need more."""
        return sagemaker(self.instance_type, "spot training job" if self.spot else "training job", most=1)

    def broken_rules(self) -> Iterator[Problem]:
        """The type is known under its EC2 name."""
        known = {f"ml.{name}" for name in instance_types()}
        if self.instance_type not in known:
            fix = nearest(self.instance_type, known, otherwise=ADD_TYPE)
            yield self.problem("instance_type", "is no known SageMaker type", fix)
