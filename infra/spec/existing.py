"""The word for what a region need not make, because somebody else keeps it."""

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from infra.spec.base import Spec
from infra.spec.errors import Problem

_BUCKET = r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"


class ExistingSpec(Spec):
    """A key and buckets to use in place of our own. Terraform looks them up and checks them; it never changes them.

    What their owners have to allow: docs/decisions/bring-your-own.md. A network is brought by `ExistingNetworkSpec`.
    """

    title: ClassVar[str] = "existing things"

    key_arn: str | None = Field(
        default=None,
        pattern=r"^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[0-9a-f-]{36}$",
        description="None (make one), or the ARN of a symmetric KMS key, not of an alias",
    )
    data_bucket: str | None = Field(
        default=None, pattern=_BUCKET, description="None (make one), or the bucket that training data is read from"
    )
    artifact_bucket: str | None = Field(
        default=None, pattern=_BUCKET, description="None (make one), or the bucket that models are written to"
    )

    def bucket(self, purpose: str) -> str | None:
        """Return what is brought for `purpose`, which is ``data`` or ``artifacts``."""
        return {"data": self.data_bucket, "artifacts": self.artifact_bucket}[purpose]

    def broken_rules(self) -> Iterator[Problem]:
        """Jobs may write artifacts and may not write data: two buckets."""
        if self.data_bucket and self.data_bucket == self.artifact_bucket:
            fix = "give each a bucket of its own, or leave one out and it is made"
            yield self.problem("artifact_bucket", "is the data bucket too, which jobs only read", fix)
