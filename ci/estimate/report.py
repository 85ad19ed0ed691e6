"""The estimate of an environment: every resource looked at, nothing dropped in silence."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial

from ci.estimate.declared import (
    HOURS_PER_MONTH,
    ByUse,
    Declared,
    Fixed,
    PriceBook,
    Scaling,
    UnknownPriceError,
    Unpriced,
)
from ci.estimate.parts import part, tags
from ci.estimate.rules import ADD_RULE, rule
from ci.manifest import Stack
from ci.result import Result
from infra.prices import OLD_DAYS, Price, Table

# What AWS asks money for, and no configuration says how much of it there will be.
NOT_IN_ANY_SUM = (
    "data transfer to the internet, between zones and between regions",
    "S3 requests",
    "custom metrics",
    "the alarms that target-tracking policies make",
    "the second variant of an endpoint while a release bakes",
    "what is paid by use",
)


class Line(Result):
    """What one resource costs in an hour: idle, and at its limits. `scales` tells whether the two may differ.

    What has no price stands here too, with nothing, and with the sums that lack it.
    """

    stack: str
    resource: str
    # What people call it: `us-east-1 pool large`, `eu-west-1 endpoint review-sentiment`, or its stack.
    part: str
    tags: dict[str, str]
    what: str
    scales: bool
    idle_usd_per_hour: float
    worst_usd_per_hour: float
    lacks: tuple[str, ...] = ()


class Sum(Result):
    """What lines come to, in an hour and in a month of 730. It is `at_least` that where something has no price."""

    always_on_usd_per_hour: float
    idle_usd_per_hour: float
    worst_usd_per_hour: float
    always_on_usd_per_month: float
    idle_usd_per_month: float
    worst_usd_per_month: float
    always_on_at_least: bool
    idle_at_least: bool
    worst_at_least: bool

    @classmethod
    def of(cls, lines: Iterable[Line]) -> "Sum":
        """Add lines up. Always on is what does not scale; idle adds the floors of what does."""
        kept = list(lines)
        hourly = {
            "always_on": sum(line.idle_usd_per_hour for line in kept if not line.scales),
            "idle": sum(line.idle_usd_per_hour for line in kept),
            "worst": sum(line.worst_usd_per_hour for line in kept),
        }
        figures = {f"{name}_usd_per_hour": round(usd, 6) for name, usd in hourly.items()}
        monthly = {f"{name}_usd_per_month": round(usd * HOURS_PER_MONTH, 2) for name, usd in hourly.items()}
        lacking = {name for line in kept for name in line.lacks}
        return cls(**figures, **monthly, **{f"{name}_at_least": name in lacking for name in hourly})


class Use(Result):
    """What is paid by use, in no sum: the price of a unit, and how many resources it is paid for."""

    what: str
    region: str
    usd: float
    unit: str
    resources: int


class Estimate(Result):
    """What an environment costs before it is deployed. `errors` are resources whose price is not known: not free."""

    environment: str
    as_of: date
    # How many different prices it used, and how many of them are older than 90 days.
    prices: int
    old_prices: int
    budget_usd_per_month: float
    # How long the budget lasts with everything at its limit; None where nothing costs.
    budget_hours_at_worst: float | None
    total: Sum
    stacks: dict[str, Sum]
    # Pools, clusters, endpoints and the stacks that everything else is in.
    parts: dict[str, Sum]
    # Tag → its value → what bears it.
    tags: dict[str, dict[str, Sum]]
    lines: tuple[Line, ...]
    by_use: tuple[Use, ...]
    errors: tuple[str, ...]
    # What has no price, as `g7.12xlarge in us-east-1` → the resources that would cost so much.
    unpriced: dict[str, tuple[str, ...]]
    # Resources of which no part is in the sum: it is too small by them.
    left_out: tuple[str, ...]
    # Type → the resources of it, where nobody has said what they cost.
    not_priced: dict[str, tuple[str, ...]]
    not_in_any_sum: tuple[str, ...] = NOT_IN_ANY_SUM
    assumptions: tuple[str, ...]


def estimate(environment: str, stacks: Sequence[Stack], prices: Table, *, budget_usd: float = 0) -> Estimate:
    """Price every resource of `stacks`, and compare with a month's budget."""
    found = _Found()
    for stack in stacks:
        book = PriceBook(_region(stack), prices, found.prices)
        for declared, copies in _declared(stack, book):
            found.add(stack.id, declared, copies)
    as_of = min((price.as_of for price in found.prices), default=date.today())
    total = Sum.of(found.lines)
    worst = total.worst_usd_per_hour
    return Estimate(
        environment=environment,
        as_of=as_of,
        budget_usd_per_month=budget_usd,
        budget_hours_at_worst=round(budget_usd / worst, 1) if worst else None,
        prices=len(set(found.prices)),
        old_prices=sum((date.today() - price.as_of).days > OLD_DAYS for price in set(found.prices)),
        total=total,
        stacks={stack.id: Sum.of(line for line in found.lines if line.stack == stack.id) for stack in stacks},
        parts=_by(found.lines, lambda line: line.part),
        tags={key: _by(found.lines, partial(_tagged, key)) for key in _keys(found.lines)},
        lines=tuple(sorted(found.lines, key=lambda line: -line.worst_usd_per_hour)),
        by_use=tuple(
            Use(what=what, region=region, usd=usd, unit=unit, resources=count)
            for (what, region, usd, unit), count in sorted(found.uses.items())
        ),
        errors=tuple(found.errors),
        unpriced={product: tuple(bearers) for product, bearers in sorted(found.unpriced.items())},
        left_out=tuple(dict.fromkeys(found.left_out)),
        not_priced={kind: tuple(bearers) for kind, bearers in sorted(found.not_priced.items())},
        assumptions=tuple(sorted(found.assumed.union(*(price.assumption.splitlines() for price in found.prices)))),
    )


def _by(lines: Sequence[Line], of: Callable[[Line], str]) -> dict[str, Sum]:
    """The sums of lines that are alike in something, the dearest first."""
    found = {name: Sum.of(line for line in lines if of(line) == name) for name in dict.fromkeys(map(of, lines))}
    return dict(sorted(found.items(), key=lambda one: -one[1].worst_usd_per_hour))


def _tagged(key: str, line: Line) -> str:
    return line.tags.get(key, "(untagged)")


def _keys(lines: Sequence[Line]) -> list[str]:
    return sorted({key for line in lines for key in line.tags})


@dataclass
class _Found:
    """What has been looked at so far."""

    lines: list[Line] = field(default_factory=list)
    uses: Counter[tuple[str, str, float, str]] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    unpriced: dict[str, list[str]] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    not_priced: dict[str, list[str]] = field(default_factory=dict)
    prices: list[Price] = field(default_factory=list)
    assumed: set[str] = field(default_factory=set)

    def add(self, stack: str, declared: Declared, copies: int) -> None:
        """Note what a resource costs, that its price is not known, or that nobody has said what its type costs."""
        price = rule(declared.kind)
        if price is None:
            reason = f"nobody has said what {declared.kind} costs; {ADD_RULE}"
            self._missing(stack, declared, Unpriced(reason, kind=declared.kind))
            return
        try:
            items = list(price(declared))
        except UnknownPriceError as error:
            self._missing(stack, declared, Unpriced(str(error), error.product))
            return
        for item in items:
            if isinstance(item, Unpriced):
                self._missing(stack, declared, item)
            elif isinstance(item, ByUse):
                self.uses[item.what, declared.book.region, item.usd, item.unit] += copies
            else:
                self.lines.append(_line(stack, declared, item, copies))
                self.assumed.update({item.assumed} - {""} if isinstance(item, Scaling) else ())

    def _missing(self, stack: str, declared: Declared, item: Unpriced) -> None:
        bearer = f"{stack} {declared.kind}.{declared.name}"
        self.errors.append(f"{bearer}: {item.reason}")
        if item.product:
            self.unpriced.setdefault(f"{item.product} in {declared.book.region}", []).append(bearer)
        if item.kind:
            self.not_priced.setdefault(item.kind, []).append(bearer)
        if item.whole:
            self.left_out.append(bearer)
        nothing = Scaling(item.reason, 0.0, 0.0) if item.scales else Fixed(item.reason, 0.0)
        lacks = ("worst", *(("idle",) if item.idle else ()), *(("always_on",) if item.idle and not item.scales else ()))
        self.lines.append(_line(stack, declared, nothing, 1).model_copy(update={"lacks": lacks}))


def _declared(stack: Stack, book: PriceBook) -> Iterator[tuple[Declared, int]]:
    for kind, named in stack.document.get("resource", {}).items():
        for name, block in named.items():
            yield Declared(kind, name, block, stack.document, book), _copies(block)


def _copies(block: dict[str, object]) -> int:
    count, each = block.get("count"), block.get("for_each")
    if isinstance(count, int):
        return count
    return len(each) if isinstance(each, dict | list) else 1


def _region(stack: Stack) -> str:
    provider, *_ = stack.document["provider"]["aws"]
    return str(provider["region"])


def _line(stack: str, declared: Declared, item: Fixed | Scaling, copies: int) -> Line:
    scales = isinstance(item, Scaling)
    idle, worst = (
        (item.idle_usd_per_hour, item.worst_usd_per_hour)
        if isinstance(item, Scaling)
        else (item.usd_per_hour, item.usd_per_hour)
    )
    return Line(
        stack=stack,
        resource=f"{declared.kind}.{declared.name}",
        part=part(stack, declared),
        tags=tags(declared),
        what=item.what,
        scales=scales,
        idle_usd_per_hour=round(idle * copies, 6),
        worst_usd_per_hour=round(worst * copies, 6),
    )
