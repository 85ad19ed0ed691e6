"""Who did what in an environment, on record."""

from collections.abc import Sequence
from dataclasses import dataclass

from infra.bucket import Bucket
from infra.key import EncryptionKey
from infra.naming import Names
from infra.spec import AuditSpec, Environment
from infra.toolkit import Construct, Stack
from infra.trail import Trail, statements_for_bucket, statements_for_key
from stacks.data import DataOutputs


@dataclass(frozen=True)
class TrailOutputs:
    """Where records lie, also those of AWS Config in every region."""

    bucket: str
    bucket_arn: str
    key_arn: str


class TrailStack(Stack):
    """CloudTrail for all regions at once, and the locked bucket of all that is recorded."""

    def __init__(
        self, scope: Construct, environment: Environment, spec: AuditSpec, data: Sequence[DataOutputs]
    ) -> None:
        region = environment.regions[0].name
        super().__init__(scope, environment, region, "trail")
        names, guarded = Names.of(environment, region), environment.guarded
        key = EncryptionKey(
            self, "records", names=names, purpose="audit", guarded=guarded, statements=statements_for_key(names)
        )
        name = names.bucket("audit")
        bucket = Bucket(
            self,
            "audit",
            name=name,
            key_arn=key.arn,
            guarded=guarded,
            old_versions_days=spec.keep_days,
            keep_days=spec.keep_days,
            statements=statements_for_bucket(names, name),
        )
        Trail(
            self,
            "trail",
            names=names,
            bucket=bucket.name,
            key_arn=key.arn,
            spec=spec,
            data_arns=[one.data_bucket_arn for one in data],
        )
        self.outputs = TrailOutputs(bucket.name, bucket.arn, key.arn)
