"""The word for a model that answers requests."""

from typing import ClassVar

from pydantic import Field

from infra.spec.base import Spec


class EndpointSpec(Spec):
    """A serverless SageMaker endpoint: no instance and no cost while nobody asks."""

    title: ClassVar[str] = "endpoint"

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,23}$", description="up to 24 of a-z, 0-9 and '-', a letter first")
    model: str = Field(pattern=r"^[a-z][a-z0-9_]{0,31}$", description="the name of a folder in ml/models/")
    memory_mb: int = Field(
        default=2048, ge=1024, le=6144, multiple_of=1024, description="1024 to 6144 in steps of 1024"
    )
    max_concurrency: int = Field(default=5, ge=1, le=200, description="1 to 200 requests at a time")
    max_error_percent: float = Field(default=1.0, gt=0, le=100, description="a share of failed calls, above 0 to 100")
    max_latency_ms: int = Field(default=1000, ge=1, description="milliseconds that 99 of 100 calls stay under")
