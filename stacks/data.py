"""What a region must not lose: keys, buckets, images, the registry of models."""

from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass

from infra.bucket import kept_in, put_only_what_is_new
from infra.edge_names import EdgeNames
from infra.image_repository import ImageRepository
from infra.key import SigningKey, encryption_key
from infra.model_registry import ModelRegistry
from infra.naming import Names
from infra.role import Statement
from infra.spec import Environment, RegionSpec
from infra.toolkit import Construct, Stack


@dataclass(frozen=True)
class DataOutputs:
    """Where things are kept, and the keys to them. `model_package_groups` goes by the model's name.

    Every image's address begins with `image_uri`.
    """

    key_arn: str
    signing_key_arn: str
    data_bucket: str
    data_bucket_arn: str
    artifact_bucket: str
    artifact_bucket_arn: str
    repository_arn: str
    image_uri: str
    model_package_groups: Mapping[str, str]

    def image_of(self, target: str) -> str:
        """Return where an image lies, by the target of ml/images/Dockerfile that it is."""
        return f"{self.image_uri}-{target}"


class DataStack(Stack):
    """All that is stateful in a region, made or brought: the other stacks can be destroyed and built again."""

    def __init__(self, scope: Construct, environment: Environment, region: RegionSpec) -> None:
        super().__init__(scope, environment, region.name, "data")
        names, guarded = Names.of(environment, region.name), environment.guarded
        existing = region.existing
        key = encryption_key(self, "main", existing_arn=existing.key_arn, names=names, purpose="data", guarded=guarded)
        signing = SigningKey(self, "signing", names=names, purpose="releases", guarded=guarded)
        telemetry = (EdgeNames.of(names, fleet).expiry(fleet) for fleet in region.edge_fleets)
        expire_days = {"data": dict(ChainMap(*telemetry)), "artifacts": {}}
        # The log of model changes (ci/audit): nobody replaces an entry, no job either.
        rules: dict[str, tuple[Statement, ...]] = {
            "data": (),
            "artifacts": (put_only_what_is_new(names.bucket("artifacts"), "audit/entries"),),
        }
        data, artifacts = (
            kept_in(
                self,
                purpose,
                existing=existing.bucket(purpose),
                names=names,
                key_arn=key.arn,
                guarded=guarded,
                old_versions_days=environment.old_versions_days,
                expire_days=expire_days[purpose],
                statements=rules[purpose],
            )
            for purpose in ("data", "artifacts")
        )
        images = ImageRepository(self, "images", name=names.regional("ml"), key_arn=key.arn, guarded=guarded)
        registry = ModelRegistry(self, "models", models=region.models, names=names)
        self.outputs = DataOutputs(
            key_arn=key.arn,
            signing_key_arn=signing.arn,
            data_bucket=data.name,
            data_bucket_arn=data.arn,
            artifact_bucket=artifacts.name,
            artifact_bucket_arn=artifacts.arn,
            repository_arn=images.arn,
            image_uri=f"{images.url}:{environment.image_tag}",
            model_package_groups=registry.groups,
        )
