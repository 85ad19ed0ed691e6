"""The words for money: what an environment may cost, what happens then, and who pays the bill."""

from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import Field

from infra.spec.base import Spec
from infra.spec.errors import Problem

_ROLE = r"^arn:aws[a-z-]*:iam::\d{12}:role/.+$"


class PayerSpec(Spec):
    """The account that pays AWS's bill: it alone may say which tags the bill is split by."""

    title: ClassVar[str] = "payer"

    role_arn: str | None = Field(
        default=None,
        pattern=_ROLE,
        description="a role in the payer account, or nothing when the environment's own account pays",
    )
    reader_arn: str | None = Field(
        default=None,
        pattern=_ROLE,
        description="a role there that only reads (ce:*): plans of pull requests take it, whose code nobody reviewed",
    )

    def broken_rules(self) -> Iterator[Problem]:
        """A role to change has one beside it to look."""
        for given, other in (("role_arn", "reader_arn"), ("reader_arn", "role_arn")):
            if getattr(self, given) and not getattr(self, other):
                yield self.problem(given, f"is given without {other}", "give both, or neither")


class CostGateSpec(Spec):
    """What one change may add to an environment's estimate before somebody has to raise this gate with it."""

    title: ClassVar[str] = "cost gate"

    idle_usd: int = Field(
        default=100, ge=0, description="whole US dollars a month that a change may add while nobody uses what it adds"
    )
    worst_usd: int = Field(
        default=5000, ge=0, description="whole US dollars a month that a change may add with everything at its limit"
    )


class BudgetSpec(Spec):
    """What an environment may cost in a month, who hears of it, and when training stops."""

    title: ClassVar[str] = "budget"

    monthly_usd: int = Field(ge=1, description="whole US dollars, 1 or more")
    emails: tuple[Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")], ...] = Field(
        min_length=1, max_length=10, description="1 to 10 addresses"
    )
    thresholds_percent: tuple[Annotated[int, Field(ge=1, le=1000)], ...] = Field(
        default=(50, 80, 100), min_length=1, max_length=4, description="1 to 4 shares of the budget: (50, 80, 100)"
    )
    anomaly_usd: int | None = Field(
        default=50, ge=1, description="whole US dollars above the usual cost, 1 or more, or None to watch for none"
    )
    stop_percent: int | None = Field(
        default=100,
        ge=1,
        le=1000,
        description="the share of the budget at which training stops: 100, or None to be told and nothing else",
    )
    stop_running: bool = Field(
        default=False,
        description="True: jobs that run are ended too, with their checkpoint; False: only what waits or is new stops",
    )
    gate: CostGateSpec = Field(default=CostGateSpec(), description="CostGateSpec(…): what one change may add")
    # One environment alone names it: the last one to be destroyed would switch the tags off for all.
    payer: PayerSpec | None = Field(
        default=None, description="PayerSpec() or PayerSpec(role_arn=…) a day after the first deploy, else None"
    )

    @property
    def anomalies(self) -> tuple[int, ...]:
        """The US dollars from which on a cost is an anomaly, or nothing."""
        return () if self.anomaly_usd is None else (self.anomaly_usd,)

    @property
    def stops(self) -> tuple[int, ...]:
        """The share at which training stops, or nothing."""
        return () if self.stop_percent is None else (self.stop_percent,)

    @property
    def payers(self) -> tuple[PayerSpec, ...]:
        """The payer account, or nothing."""
        return () if self.payer is None else (self.payer,)

    def broken_rules(self) -> Iterator[Problem]:
        """People hear of the budget before it stops them, and of each share once."""
        if self.stop_percent is not None and min(self.thresholds_percent) > self.stop_percent:
            rule = f"is below every one of thresholds_percent={self.thresholds_percent}"
            yield self.problem("stop_percent", rule, "add a lower threshold, so that somebody is told before")
        if len(set(self.thresholds_percent)) < len(self.thresholds_percent):
            yield self.problem("thresholds_percent", "names a share twice", "give each share once")
