"""What is known of an endpoint: moto's record of it, the variants behind it now, and the calls that it answered."""

import random
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from infra.localcloud.cloud import Payload
from infra.localcloud.machines.data_capture import Capture, Exchange
from infra.localcloud.machines.metering import Owner, tags_of
from infra.localcloud.machines.model_server import StartError
from infra.localcloud.machines.variant import Variant

Key = tuple[str, str, str]


@dataclass
class Endpoint:
    """moto's record of an endpoint, and the variants that stand behind it now."""

    key: Key
    moto: Any
    record: Any
    variants: dict[str, Variant]
    billed_until: float
    capture: Capture | None = None
    asynchronous: Payload | None = None

    def count(self, variant: str) -> int:
        """How many instances a variant has now; one process here stands for all of them."""
        return int(self._shown().get(variant, {}).get("CurrentInstanceCount", 0))

    def set_count(self, variant: str, count: int) -> None:
        """Let a variant have so many from now on."""
        if shown := self._shown().get(variant):
            shown |= {"DesiredInstanceCount": count, "CurrentInstanceCount": count}

    def choose(self, target: str | None = None) -> Variant | None:
        """The variant for a call: the one asked for, else by weight. None when there is no such."""
        answering = {name: one for name, one in self.variants.items() if not one.is_shadow}
        if target is not None:
            return answering.get(target)
        if len(answering) == 1:
            return next(iter(answering.values()))
        shown, names = self._shown(), list(answering)
        shares = [shown.get(name, {}).get("CurrentWeight", 0) for name in names]
        return answering[random.choices(names, shares if any(shares) else None)[0]]  # noqa: S311

    def shadow(self) -> Variant | None:
        """The variant that gets a copy of this call: each, or as many of them as its weight is of the answering one's.

        https://docs.aws.amazon.com/sagemaker/latest/dg/model-shadow-deployment.html
        """
        for name, variant in self.variants.items():
            if variant.is_shadow:
                shown, (answering, *_) = self._shown(), self.record.production_variants
                share = shown[name]["CurrentWeight"] / (answering["CurrentWeight"] or 1)
                return variant if random.random() < share else None  # noqa: S311
        return None

    def _shown(self) -> dict[str, Payload]:
        """What DescribeEndpoint tells of each variant."""
        shadows = getattr(self.record, "shadow_production_variants", ())
        return {shown["VariantName"]: shown for shown in (*self.record.production_variants, *shadows)}

    def owner(self) -> Owner:
        """Who pays."""
        account, region, _ = self.key
        return Owner(self.record.arn, account, region, tags_of(self.record.tags))


@dataclass(frozen=True)
class Call:
    """One invocation that got an answer, for the metrics and the bill."""

    endpoint: Endpoint
    variant: Variant
    status: int
    model_seconds: float
    overhead_seconds: float
    # The few that are kept by data capture.
    exchange: Exchange | None = None


def moto_records(key: Key) -> Any:
    """moto's SageMaker of the key's account and region."""
    from moto.sagemaker.models import sagemaker_backends

    account, region, _ = key
    return sagemaker_backends[account][region]


def variant_records(record: Any, given_variants: list[Payload], retained: Collection[str]) -> list[Payload]:
    """Variants of a configuration as DescribeEndpoint shows them; moto leaves out the default weight."""
    before = {variant["VariantName"]: variant for variant in record.production_variants}
    shown: list[Payload] = record._process_production_variants(given_variants)
    for given, variant in zip(given_variants, shown, strict=True):
        weight = given.get("InitialVariantWeight", 1.0)
        kept = before.get(variant["VariantName"], {})
        variant |= {"CurrentWeight": weight, "DesiredWeight": weight}
        variant |= {name: kept[name] for name in retained if name in kept}
    return shown


def shadows_of(config: Any) -> list[Payload]:
    """The shadow variants of a configuration, of which moto knows nothing."""
    found: list[Payload] = getattr(config, "shadow_production_variants", None) or []
    return found


def container_of(model: Any, packages: dict[str, Payload]) -> Payload:
    """The first container of a model: archive and environment, looked up where it names a version in the registry."""
    container: Payload = model.primary_container or (model.containers or [{}])[0]
    if package_name := container.get("ModelPackageName"):
        package = packages.get(package_name)
        if package is None:
            raise StartError(f"Could not find model package '{package_name}'.")
        packaged = package["InferenceSpecification"]["Containers"][0]
        environment = (packaged.get("Environment") or {}) | (container.get("Environment") or {})
        return {**packaged, **container, "Environment": environment}
    return container
