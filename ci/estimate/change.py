"""What a change adds to the estimate of an environment, and whether that is more than its gate lets through."""

from collections.abc import Iterable
from datetime import date

from ci.errors import GateError
from ci.estimate.report import Estimate, Line, Sum
from ci.estimate.rules import ADD_RULE
from ci.result import Result
from infra.spec import CostGateSpec

# Less than that a month is a rounding.
LEAST_USD = 0.01


class Added(Result):
    """What something costs in a month of 730 hours more than before; less than nothing where it became cheaper.

    `idle` and `worst` are at least so much where the change brings what has no price.
    """

    name: str
    idle_before: float
    idle_after: float
    worst_before: float
    worst_after: float
    idle_at_least: bool = False
    worst_at_least: bool = False
    idle_more_at_least: bool = False
    worst_more_at_least: bool = False

    @property
    def idle(self) -> float:
        """US dollars a month more while nobody uses it."""
        return round(self.idle_after - self.idle_before, 2)

    @property
    def worst(self) -> float:
        """US dollars a month more with everything at its limit."""
        return round(self.worst_after - self.worst_before, 2)

    @property
    def is_some(self) -> bool:
        """Whether it is worth a line."""
        return self.worst_more_at_least or max(abs(self.idle), abs(self.worst)) >= LEAST_USD


class CostChange(Result):
    """An estimate beside that of another revision, by the same prices. `objections` are what the gate says."""

    environment: str
    against: str
    commit: str
    as_of: date
    gate_idle_usd_per_month: int
    gate_worst_usd_per_month: int
    total: Added
    stacks: tuple[Added, ...]
    # Pools, clusters and endpoints; then single resources; then what bears a tag's value, as `model=review_sentiment`.
    parts: tuple[Added, ...]
    resources: tuple[Added, ...]
    tags: tuple[Added, ...]
    # Stacks that are declared no more: a deploy leaves what they made, and it is paid until somebody destroys it.
    gone: tuple[str, ...]
    # Resources without a price: in no sum.
    errors: tuple[str, ...]
    # A line for each product or type without a price that the change brings, among the objections too.
    unpriced: tuple[str, ...]
    objections: tuple[str, ...]
    after: Estimate

    @property
    def base(self) -> str:
        """What it is compared with, also to who cannot ask git what a name such as `HEAD^1` meant."""
        return self.against if self.commit.startswith(self.against) else f"{self.against} ({self.commit[:12]})"

    def check(self) -> None:
        """Raise `GateError` where the gate objects."""
        if self.objections:
            dearer = [one for one in self.objections if one not in self.unpriced]
            fix = f"make it cheaper, or raise BudgetSpec(gate=…) of environments/{self.environment}.py with it"
            unknown = f"a sum that lacks {len(self.unpriced)} prices"
            raise GateError(
                thing=f"cost of environment {self.environment!r}",
                value="; ".join(dearer) or unknown,
                rule="closes the gate",
                fix=fix if dearer else "add them, as follows",
                details=self.unpriced,
            )


def compare(before: Estimate, after: Estimate, gate: CostGateSpec, *, against: str, commit: str) -> CostChange:
    """Compare two estimates of one environment; an environment that is new costs nothing before."""
    unpriced = tuple(_unpriced(before, after))
    total = _added("all", before.total, after.total)
    # What had no price before may hide that something new has none either.
    lacking = {"idle_more_at_least": after.total.idle_at_least, "worst_more_at_least": after.total.worst_at_least}
    total = total.model_copy(update=lacking) if unpriced else total
    return CostChange(
        environment=after.environment,
        against=against,
        commit=commit,
        as_of=after.as_of,
        gate_idle_usd_per_month=gate.idle_usd,
        gate_worst_usd_per_month=gate.worst_usd,
        total=total,
        stacks=_changed(before.stacks, after.stacks),
        parts=_changed(before.parts, after.parts),
        resources=_changed(_resources(before.lines), _resources(after.lines)),
        # What everything bears tells nothing.
        tags=tuple(one for one in _changed(_tagged(before), _tagged(after)) if one.worst_after != total.worst_after),
        gone=tuple(name for name in before.stacks if name not in after.stacks),
        errors=after.errors,
        unpriced=unpriced,
        objections=(*_objections(total, gate), *unpriced),
        after=after,
    )


def _objections(total: Added, gate: CostGateSpec) -> Iterable[str]:
    for kind, usd, most in (("idle", total.idle, gate.idle_usd), ("worst", total.worst, gate.worst_usd)):
        if usd > most:
            yield f"{kind}_usd={most} a month lets through less than the ${usd:,.2f} that the change adds"


def _unpriced(before: Estimate, after: Estimate) -> Iterable[str]:
    """Say it once of each product and of each type, however many resources of the change bear it."""
    refresh = f"groundplan prices refresh {after.environment}"
    for product, bearers in after.unpriced.items():
        if set(bearers) - set(before.unpriced.get(product, ())):
            yield f"no price of {product}: add it to infra/prices.csv, or: {refresh}"
    for kind, bearers in after.not_priced.items():
        if new := set(bearers) - set(before.not_priced.get(kind, ())):
            yield f"nobody has said what {kind} costs ({len(new)} of it): {ADD_RULE}"
    told = (*after.unpriced.values(), *after.not_priced.values())
    known = {bearer for bearers in told for bearer in bearers}
    for error in after.errors:
        if error not in before.errors and error.partition(": ")[0] not in known:
            yield f"no price: {error}"


def _changed(before: dict[str, Sum], after: dict[str, Sum]) -> tuple[Added, ...]:
    nothing = Sum.of(())
    both = (_added(name, before.get(name, nothing), after.get(name, nothing)) for name in {**before, **after})
    return tuple(sorted((one for one in both if one.is_some), key=lambda one: (-abs(one.worst), one.name)))


def _added(name: str, before: Sum, after: Sum) -> Added:
    return Added(
        name=name,
        idle_before=before.idle_usd_per_month,
        idle_after=after.idle_usd_per_month,
        worst_before=before.worst_usd_per_month,
        worst_after=after.worst_usd_per_month,
        idle_at_least=after.idle_at_least,
        worst_at_least=after.worst_at_least,
        idle_more_at_least=after.idle_at_least and not before.idle_at_least,
        worst_more_at_least=after.worst_at_least and not before.worst_at_least,
    )


def _resources(lines: Iterable[Line]) -> dict[str, Sum]:
    found: dict[str, list[Line]] = {}
    for line in lines:
        found.setdefault(f"{line.stack} {line.resource}", []).append(line)
    return {name: Sum.of(own) for name, own in found.items()}


def _tagged(estimate: Estimate) -> dict[str, Sum]:
    return {f"{key}={value}": sums for key, of in estimate.tags.items() for value, sums in of.items()}
