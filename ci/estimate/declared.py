"""A declared resource as a rule of price sees it, and the four things that a rule may say of it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from infra.prices import SPOT, Price

HOURS_PER_MONTH = 730


class UnknownPriceError(Exception):
    """The table has no price for a product in a region."""

    def __init__(self, product: str, region: str) -> None:
        self.product = product
        super().__init__(
            f"no price of {product!r} in {region}; ask AWS with `groundplan prices refresh ENV`, "
            "or add a line to infra/prices.csv"
        )


@dataclass(frozen=True)
class Fixed:
    """Paid from the deploy to the destroy, used or not."""

    what: str
    usd_per_hour: float


@dataclass(frozen=True)
class Scaling:
    """Paid for what runs: `idle` while nobody uses it, `worst` with every limit reached."""

    what: str
    idle_usd_per_hour: float
    worst_usd_per_hour: float
    # What the figures go by, beside prices.
    assumed: str = ""


@dataclass(frozen=True)
class ByUse:
    """Paid by amounts that no configuration bounds, so in no sum."""

    what: str
    usd: float
    unit: str


@dataclass(frozen=True)
class Unpriced:
    """What has no price: all of a resource, or a part of it, so that the rest is all that the sum holds."""

    reason: str
    # Empty where nobody has said what to ask the price of.
    product: str = ""
    whole: bool = True
    # Of what type nobody has said what it costs.
    kind: str = ""
    # Whether it would be paid for while nobody uses it, and then whether it is of what comes and goes.
    idle: bool = True
    scales: bool = False


Item = Fixed | Scaling | ByUse | Unpriced


@dataclass
class PriceBook:
    """The prices of one region; it remembers which assumptions were made and how old the oldest price is."""

    region: str
    table: Mapping[tuple[str, str], Price]
    used: list[Price] = field(default_factory=list)

    def price(self, product: str) -> Price:
        """Return a price. Raises `UnknownPriceError`: no price is never no cost."""
        found = self.table.get((product, self.region))
        if found is None:
            raise UnknownPriceError(product, self.region)
        self.used.append(found)
        return found

    def hourly(self, product: str) -> float:
        """Return what a product costs in an hour; a monthly price is spread over 730 of them."""
        found = self.price(product)
        return found.usd / HOURS_PER_MONTH if found.unit.endswith("Month") else found.usd

    def spot(self, instance_type: str) -> tuple[float, str]:
        """Return what a type costs on spot in an hour, and how that is known: asked, or taken as a share."""
        if asked := self.table.get((SPOT + instance_type, self.region)):
            self.used.append(asked)
            return asked.usd, f"asked on {asked.as_of}"
        share = self.price("spot-factor").usd
        return share * self.hourly(instance_type), f"assumed {share:.0%}"

    def by_use(self, what: str, product: str) -> ByUse:
        """Return what is paid for each unit of use."""
        found = self.price(product)
        return ByUse(what, found.usd, found.unit)


@dataclass(frozen=True)
class Declared:
    """One resource of a stack, with the stack around it to look references up in."""

    kind: str
    name: str
    block: Mapping[str, Any]
    document: Mapping[str, Any]
    book: PriceBook

    def referred(self, value: object, kind: str) -> Mapping[str, Any]:
        """Return the resource of `kind` that `${kind.NAME.attribute}` names, or an empty one."""
        found = re.search(rf"\b{kind}\.(\w+)\.", str(value))
        return self.others(kind).get(found[1], {}) if found else {}

    def others(self, kind: str) -> Mapping[str, Mapping[str, Any]]:
        """Return the stack's resources of a type by name."""
        named: Mapping[str, Mapping[str, Any]] = self.document.get("resource", {}).get(kind, {})
        return named


def blocks(value: object) -> Sequence[Mapping[str, Any]]:
    """Return nested blocks as a list: the toolkit writes one alone without."""
    if value is None:
        return ()
    return (value,) if isinstance(value, Mapping) else value  # type: ignore[return-value]
